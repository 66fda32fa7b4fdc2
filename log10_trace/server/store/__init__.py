"""Storage of completions: one protocol, implemented on SQLite and PostgreSQL."""

from __future__ import annotations

from log10_trace.server.store.factory import open_store

__all__ = ["open_store"]
