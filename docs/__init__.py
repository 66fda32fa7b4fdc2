"""The documentation, and what writes its generated parts."""

from __future__ import annotations
