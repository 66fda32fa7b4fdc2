"""Which words of a search occur, and which can only be beginnings of words, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from psycopg import Connection

from log10_trace.server.store.common.search_query import Phrase, add_prefixes
from log10_trace.server.store.data_types import CompletionFilter, SearchedFilter
from log10_trace.server.store.postgres.connections import Row, with_settings
from log10_trace.server.store.postgres.filter_sql import BITMAPS_ONLY, build_query, find_words
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.text_search import to_tsquery

_SQL: Final = load("listing.sql")


def complete_words(
    connection: Connection[Row], organization_id: str, wanted: CompletionFilter
) -> CompletionFilter:
    """The filter, in whose text words that no record of the organization holds are beginnings of words."""

    def are_known(phrases: Iterable[Phrase]) -> list[bool]:
        queries = [to_tsquery([phrase]) for phrase in phrases]
        if not queries:
            return []
        with with_settings(connection, **BITMAPS_ONLY):
            values = {"organization_id": organization_id, "queries": queries}
            found = {number for (number,) in connection.execute(_SQL["known_words"], values)}
        return [number in found for number in range(1, len(queries) + 1)]

    if wanted.text is None or isinstance(wanted, SearchedFilter):
        return wanted
    return replace(wanted, text=add_prefixes(wanted.text, are_known))


def search_words(
    connection: Connection[Row], organization_id: str, wanted: CompletionFilter
) -> CompletionFilter:
    """The filter with its words completed, and with the records that hold them, where they are few."""
    if wanted.text is None:
        return wanted
    wanted = complete_words(connection, organization_id, wanted)
    span = CompletionFilter(since_ms=wanted.since_ms, until_ms=wanted.until_ms, text=wanted.text)
    found = find_words(connection, build_query(organization_id, span))
    return SearchedFilter.from_filter(wanted, None if found is None else tuple(found))
