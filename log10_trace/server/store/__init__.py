"""Where completions are kept: one protocol, SQLite and PostgreSQL behind it."""

from __future__ import annotations

from log10_trace.server.store.factory import open_store

__all__ = ["open_store"]
