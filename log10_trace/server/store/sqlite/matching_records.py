"""Reads what statistics count of the records that match a filter, where they are few; on SQLite."""

from __future__ import annotations

import json

from log10_trace.server.store.common.columns import RecordFacts
from log10_trace.server.store.common.statistics_of_matches import MAX_SECONDS, read_facts
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.positions import find_positions
from log10_trace.server.store.sqlite.readers import ReadConnection
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.text_query import complete_words


def read_records(
    connection: ReadConnection,
    organization_id: str,
    wanted: CompletionFilter,
    most: int,
    *,
    with_labels: bool,
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
            name = "tagged_facts_at" if with_labels else "facts_at"
            values = {"organization_id": organization_id, "positions": json.dumps(found)}
            cursor = connection.execute(SQL[name], values)
            cursor.row_factory = None  # tuples: some thousand rows are read
            return read_facts(cursor.fetchall(), SORT_KEYS.began_ms, with_labels=with_labels)
    except TimeoutError:
        return None
