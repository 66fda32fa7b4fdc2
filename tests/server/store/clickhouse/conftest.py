"""For tests of the store in ClickHouse alone; those that need the engine skip without it."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("clickhouse_connect") else ["test_*.py"]
