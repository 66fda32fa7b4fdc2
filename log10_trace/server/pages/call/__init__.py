"""The Call page: one call whole."""

from __future__ import annotations
