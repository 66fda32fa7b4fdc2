"""Reads the passages of completions that a search found, on SQLite."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Sequence

from log10_trace.server.store.common.passages import BodyPrefix, mark_matches, max_prefix_bytes
from log10_trace.server.store.common.search_query import Phrase
from log10_trace.server.store.data_types import CompletionSummary
from log10_trace.server.store.sqlite.connection import SQL


def add_passages(
    connection: sqlite3.Connection,
    summaries: Sequence[CompletionSummary],
    positions: Sequence[int],
    phrases: Sequence[Phrase],
) -> tuple[CompletionSummary, ...]:
    """The summaries, of the completions at these positions, with passages in which the phrases occur."""
    max_bytes = max_prefix_bytes(len(positions))
    values = {"positions": json.dumps(positions), "max_bytes": max_bytes}
    bodies = {
        row["position"]: BodyPrefix(
            row["skipped"], row["body"] or _read_prefix(connection, row["position"], max_bytes)
        )
        for row in connection.execute(SQL["short_bodies"], values)
    }
    return tuple(
        mark_matches(summary, bodies[position], phrases, max_bytes)
        for summary, position in zip(summaries, positions, strict=True)
    )


def _read_prefix(connection: sqlite3.Connection, position: int, max_bytes: int) -> bytes:
    if sys.version_info < (3, 11):  # where SQL alone reads a part of a value, which takes reading all of it
        row = connection.execute(
            SQL["body_prefix"], {"position": position, "max_bytes": max_bytes}
        ).fetchone()
        return bytes(row["body"])
    with connection.blobopen("bodies", "body", position, readonly=True) as blob:
        return bytes(blob.read(max_bytes))
