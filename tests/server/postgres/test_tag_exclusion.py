"""``tag_match=none`` in PostgreSQL while roll-ups are folded in part."""

from __future__ import annotations

from contextlib import closing

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.postgres.connections import connect, settings
from log10_trace.server.store.postgres.matching_rows import read_matching_rows
from log10_trace.server.store.postgres.rollup_compaction import append, compact
from log10_trace.server.store.postgres.tag_exclusion import split_by_time
from tests.server.store.factories import NOON_MS, ORG, completion, put_all

NONE_OF_X = CompletionFilter(tags=("x",), tag_match="none")


def test_hours_are_left_out_only_while_all_of_them_is_folded(postgres_url: str) -> None:
    """An hour of tagged calls is not read; with a change of the tag that is not folded it is."""
    with closing(open_store(postgres_url)) as store:
        put_all(store, [completion(id=name, tags=["x"]) for name in ("a", "b")])
    with connect(settings(postgres_url)) as connection:
        compact(connection)
        assert list(split_by_time(connection, ORG, NONE_OF_X, "newest")) == []

        connection.execute("DELETE FROM completion_tags WHERE id = 'a'")
        append(connection, [(ORG, "tag", NOON_MS // 60_000, "x", -1, "{}", "[]")])
        found = read_matching_rows(connection, ORG, NONE_OF_X, "keys", limit=9)

    assert [row[1] for row in found] == ["a"]
