"""Completions in ClickHouse: a server or a cluster of it, or the engine in this process (chdb)."""

from __future__ import annotations
