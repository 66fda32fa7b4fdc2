"""Reads what statistics count of the records that match a filter, where they are few; on SQLite."""

from __future__ import annotations

import json
from typing import Final

from log10_trace.server.store.common.columns import RecordFacts
from log10_trace.server.store.common.statistics_of_matches import MAX_SECONDS, Needed, read_facts
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.positions import find_positions
from log10_trace.server.store.sqlite.readers import ReadConnection
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.text_query import complete_words

_FACTS_AT: Final[dict[Needed, str]] = {
    "sums": "summed_facts_at",
    "groups": "facts_at",
    "labels": "tagged_facts_at",
}
"""The questions for facts by what is needed of them."""


def read_records(
    connection: ReadConnection,
    organization_id: str,
    wanted: CompletionFilter,
    most: int,
    needed: Needed,
) -> list[RecordFacts] | None:
    """The records that match; None when they are more than ``most``, or take too long to find."""
    try:
        with connection.spend_at_most(MAX_SECONDS):
            wanted = complete_words(connection, organization_id, wanted)
            found = find_positions(
                connection,
                organization_id,
                wanted,
                after=None,
                limit=most + 1,
                order="newest",
                checks_owner=False,
            )
            if len(found) > most:
                return None
            values = {"organization_id": organization_id, "positions": json.dumps(found)}
            cursor = connection.execute(SQL[_FACTS_AT[needed]], values)
            cursor.row_factory = None  # tuples: some thousand rows are read
            return read_facts(cursor.fetchall(), SORT_KEYS.began_ms, needed)
    except TimeoutError:
        return None
