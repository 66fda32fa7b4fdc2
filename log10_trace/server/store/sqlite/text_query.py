"""Queries of the text index, in FTS5's language."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from log10_trace.server.store.common.search_query import Phrase, add_prefixes
from log10_trace.server.store.common.search_text import spread_query
from log10_trace.server.store.data_types import CompletionFilter, SearchedFilter
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.records import organization_word


def build_fts_query(organization_id: str, phrases: Iterable[Phrase]) -> str:
    """The query for records of an organization that hold all the phrases."""
    return " AND ".join([f'organization : "{organization_word(organization_id)}"', *map(_to_fts, phrases)])


def complete_words(
    connection: sqlite3.Connection, organization_id: str, wanted: CompletionFilter
) -> CompletionFilter:
    """The filter, in whose text words that no record of the organization holds are beginnings of words."""

    def are_known(phrases: Iterable[Phrase]) -> list[bool]:
        queries = [build_fts_query(organization_id, [phrase]) for phrase in phrases]
        return [connection.execute(SQL["has_text"], (query,)).fetchone() is not None for query in queries]

    if wanted.text is None or isinstance(wanted, SearchedFilter):
        return wanted
    return replace(wanted, text=add_prefixes(wanted.text, are_known))


def _to_fts(phrase: Phrase) -> str:
    words, is_prefix = spread_query(phrase.text, is_prefix=phrase.is_prefix)
    return f'{{{phrase.scope or "request response"}}} : "{words}"{"*" if is_prefix else ""}'
