"""The PostgreSQL that the benchmarks' tests use."""

from __future__ import annotations

from tests.server.postgres_cluster import postgres_server

__all__ = ["postgres_server"]
