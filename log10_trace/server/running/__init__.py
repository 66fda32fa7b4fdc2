"""Starting and running the server: port, database lock, logging."""

from __future__ import annotations
