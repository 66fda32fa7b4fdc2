"""The whole records of a session, one after the other: it may be larger than the memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

from log10_trace.client import Log10
from log10_trace.domain.byte_lines import split_lines
from log10_trace.domain.json_slices import decode, parse_value


@contextmanager
def read_session_records(client: Log10, session_id: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The records, oldest first, read from the server while the block runs."""
    with closing(cast("Any", client.completions.export(session_id=session_id, order="oldest"))) as pieces:
        yield map(parse_value, map(decode, split_lines(pieces)))
