"""ClickHouse's engine behind the HTTP endpoint of the tests; prints its address, ends with standard input."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import chdb

from log10_trace.server.store import open_store
from tests.server.store.clickhouse.http_endpoint import serving

_DATABASE = "log10"


def main() -> None:
    """Serve the engine in the folder that the command line names."""
    folder = str(Path(sys.argv[1]).resolve())
    open_store(f"chdb://{folder}?database={_DATABASE}").close()
    # The engine starts with the first connection and stops with the last: one stays open.
    connection = chdb.connect(folder)  # type: ignore[no-untyped-call]
    with closing(connection), serving(folder, _DATABASE) as endpoint:
        print(endpoint.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
