"""Whichever index a list is read from, it holds what matches, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, Order, SearchedFilter
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.sqlite import filter_sql
from log10_trace.server.store.sqlite.connection import connect
from log10_trace.server.store.sqlite.positions import _split_found
from log10_trace.server.store.sqlite.rollup_compaction import compact_all
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from tests.server.store.factories import MINUTE_MS, NOON_MS, ORG, answer, asked, completion, ids, put_all
from tests.server.store.test_listing import at, frame

RECORDS = 60
FILTERS = st.builds(
    CompletionFilter,
    tags=st.sampled_from([(), ("odd",), ("odd", "third"), ("third", "nobody")]),
    tag_match=st.sampled_from(["any", "all", "none"]),
    status=st.sampled_from([None, "finished", "failed", "started"]),
    kind=st.sampled_from([None, None, "chat", "prompt"]),
    model=st.sampled_from([None, "a", "b", "nobody"]),
    function=st.sampled_from([None, "ask", "tell"]),
    min_duration=st.sampled_from([None, 10.0, 50.0, 100.0]),
    max_duration=st.sampled_from([None, 5.0, 55.0]),
    min_tokens=st.sampled_from([None, 30, 1_000]),
    max_tokens=st.sampled_from([None, 40]),
    text=st.sampled_from([None, "common", "rare", "nobody"]),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with records of every kind."""
    store = open_store(tmp_path_factory.mktemp("store") / "a.db")
    put_all(
        store,
        [
            completion(
                tags=["odd"] * (number % 2) + ["third"] * (number % 3 == 0),
                status="failed" if number % 7 == 0 else "finished",
                kind="prompt" if number % 11 == 0 else "chat",
                request=asked("common" if number % 5 else "rare", model="ab"[number % 2]),
                response=answer("yes", number, 1),
                duration=float(number),
                created_at=at(number),
                stacktrace=[frame("shop.py", "ask" if number % 4 else "tell")],
            )
            for number in range(RECORDS)
        ],
    )
    yield store
    store.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, order=st.sampled_from(["newest", "oldest"]))
def test_every_index_gives_the_same_list(
    store: Store, monkeypatch: pytest.MonkeyPatch, wanted: CompletionFilter, order: Order
) -> None:
    """How many rows count as few changes where a list is read from, never what is in it."""
    with monkeypatch.context() as patch:
        lists = []
        for few in (-1, 5, RECORDS):
            patch.setattr(filter_sql, "_FEW", few)
            lists.append(ids(store, wanted, order=order))

    assert lists[0] == lists[1] == lists[2]


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("is_folded", [False, True])
def test_records_without_tags_are_found_among_hours_that_have_them(
    tmp_path: Path, order: Order, *, is_folded: bool
) -> None:
    """Hours in which every call carries a tag are passed over, and no other, also when records change."""
    store = open_store(tmp_path / "a.db")
    plain = {3, 61, 65, 205, 5_000}
    put_all(store, [completion(id=f"{m}", created_at=at(m), tags=["x"]) for m in range(0, 600, 20)])
    put_all(store, [completion(id=f"{m}", created_at=at(m), tags=["y"]) for m in sorted(plain)])
    put_all(store, [completion(id="40", created_at=at(9_000), duration=1.0)])  # it keeps its place
    if is_folded:
        with closing(connect(tmp_path / "a.db", can_write=True)) as connection:
            compact_all(connection)
    wanted = [f"{minute}" for minute in sorted(plain, reverse=order == "newest")]

    assert ids(store, CompletionFilter(tags=("x",), tag_match="none"), order=order) == wanted
    assert ids(store, CompletionFilter(tags=("x", "y"), tag_match="none"), order=order) == []
    assert ids(store, CompletionFilter(tags=("x",), tag_match="none"), order=order, limit=2) == wanted[:2]
    late = CompletionFilter(tags=("x",), tag_match="none", since_ms=NOON_MS + 61 * MINUTE_MS)
    assert sorted(ids(store, late)) == ["205", "5000", "61", "65"]
    assert store.completions.delete(ORG, CompletionFilter(tags=("x",), tag_match="none")).result() == len(
        plain
    )
    store.close()


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_what_was_found_is_read_in_its_span_alone(order: Order) -> None:
    """A filter that is cut into many spans asks for each found record once, and of an empty span nothing."""
    found = tuple(SORT_KEYS.first_of(hour * 60 * MINUTE_MS) for hour in range(0, 100, 2))
    read: list[int] = []
    for hour in range(100) if order == "oldest" else range(99, -1, -1):
        wanted = CompletionFilter(since_ms=hour * 60 * MINUTE_MS, until_ms=(hour + 1) * 60 * MINUTE_MS)
        parts = [each.found for each in _split_found(SearchedFilter.from_filter(wanted, found), 10, order)]
        assert len(parts) == (hour % 2 == 0)
        read += [place for part in parts for place in part or ()]

    assert read == sorted(found, reverse=order == "newest")
