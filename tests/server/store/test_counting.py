"""How many completions match: exact where that is cheap, otherwise a lower bound that says so."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from log10_trace.server.store.data_types import CompletionFilter, MatchCount, Order, StatisticsQuery
from log10_trace.server.store.errors import SearchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import (
    MINUTE_MS,
    NOON_MS,
    ORG,
    OTHER,
    asked,
    completion,
    ids,
    page,
    put,
    put_all,
)
from tests.server.store.test_listing import frame

FILTERS: list[dict[str, Any]] = [
    {},
    {"model": "gpt-4o"},
    {"model": "gpt-4o", "status": "failed"},
    {"status": "failed"},
    {"status": "started"},
    {"tags": ("a",)},
    {"tags": ("a",), "status": "failed", "model": "gpt-4o"},
    {"tags": ("a", "b")},
    {"tags": ("a", "b"), "tag_match": "all"},
    {"tags": ("a",), "tag_match": "none"},
    {"tags": ("a", "b"), "tag_match": "none"},
    {"session_id": "s"},
    {"metadata": ("user_id=1",)},
    {"metadata": ("user_id=1",), "status": "failed"},
    {"metadata": ("user_id=1", "plan=pro")},
    {"metadata": ("user_id=1",), "tags": ("a", "b")},
    {"file": "/app.py", "function": "ask"},
    {"file": "/app.py"},
    {"failure_kind": "APITimeoutError"},
    {"min_duration": 2.0},
    {"text": "bees"},
    {"text": "bees", "tags": ("a",)},
    {"model": "\x00"},
]
FAILED: dict[str, Any] = {"status": "failed", "response": ..., "failure_kind": "APITimeoutError"}
SPANS: list[tuple[int | None, int | None]] = [
    (None, None),
    (NOON_MS + 30_500, None),
    (NOON_MS + 30_500, NOON_MS + 90 * MINUTE_MS + 1),
    (NOON_MS + 30_500, NOON_MS + 30_501),
    (NOON_MS, NOON_MS + MINUTE_MS),
]


def moment(after_ms: int) -> str:
    """A time so many milliseconds after noon."""
    return datetime.fromtimestamp((NOON_MS + after_ms) / 1000, timezone.utc).isoformat()


def fill(store: Store) -> None:
    """Store calls of all kinds, some seconds and some hours apart."""
    records = [
        completion(
            created_at=moment(place),
            tags=[tag for tag, every in (("a", 2), ("b", 3)) if not number % every],
            session_id="s" if number % 5 == 0 else None,
            duration=float(number % 4),
            metadata={"user_id": number % 7, "plan": ("pro", "free")[number % 2]},
            request=asked("About bees" if number % 3 else "About cows", model=("gpt-4o", "o3")[number % 2]),
            stacktrace=[frame("/app.py", "ask" if number % 2 else "answer")],
            **(FAILED if number % 4 == 0 else {}),
        )
        for number, place in enumerate((*range(0, 100_000, 7_000), *range(3_600_000, 9_000_000, 900_000)))
    ]
    put_all(store, [*records, completion(created_at=moment(5_000), status="started", response=...)])
    put_all(store, records[:3], OTHER)


@pytest.mark.parametrize("few", [5_000, 3])
def test_words_are_looked_for_once(store: Store, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """A filter whose words were looked for gives the rows, the count and the figures that it gives itself."""
    fill(store)
    for name in ("sqlite.completions.MAX_RECORDS", "postgres.filter_sql._FEW"):
        monkeypatch.setattr(f"log10_trace.server.store.{name}", few)
    more: list[dict[str, Any]] = [
        {"text": "bee"},
        {"text": "bees", "min_duration": 2.0, "tag_match": "none", "tags": ("a",)},
    ]
    for conditions in (*(each for each in FILTERS if "text" in each), *more):
        for since_ms, until_ms in SPANS[:4:2]:
            wanted = CompletionFilter(**conditions, since_ms=since_ms, until_ms=until_ms)
            searched = store.completions.search(ORG, wanted)
            if searched == wanted:  # ClickHouse looks for the words again
                continue
            assert page(store, searched, limit=4) == page(store, wanted, limit=4)
            assert page(store, searched, limit=4, order="oldest") == page(
                store, wanted, limit=4, order="oldest"
            )
            counts = [store.completions.count(ORG, each, timeout_s=10) for each in (searched, wanted)]
            assert counts[0] == counts[1]
            figures = [
                store.reports.statistics(ORG, StatisticsQuery(wanted=each, group_by="tag"))
                for each in (searched, wanted)
            ]
            assert figures[0].groups == figures[1].groups
            assert figures[0].series == figures[1].series


def test_pages_of_what_was_found_follow_each_other(store: Store) -> None:
    """In the order of lists, several records of one moment among them, whatever their ids hold."""
    names = ["a", 'b"', "c\\", "{d,e}", "NULL", "f g", "\u00e9", "h", ""]
    put_all(
        store,
        [
            completion(id=f"{number}{name}", created_at=moment(number // 3 * 1_000), request=asked("bees"))
            for number, name in enumerate(names)
        ],
    )
    searched = store.completions.search(ORG, CompletionFilter(text="bees"))
    orders: tuple[Order, ...] = ("newest", "oldest")
    for order in orders:
        listed = ids(store, order=order)
        found: list[str] = []
        cursor = None
        while not found or cursor is not None:
            shown = page(store, searched, limit=2, order=order, cursor=cursor)
            found += [item.id for item in shown.items]
            cursor = shown.next_cursor
        assert found == listed
        assert len(found) == len(names)


def test_a_record_deleted_since_it_was_searched_is_left_out(store: Store) -> None:
    """What was found and is gone neither shows nor counts in the figures."""
    kept, gone = [completion(request=asked("About bees"), created_at=moment(at)) for at in (0, 1_000)]
    put_all(store, [kept, gone])
    searched = store.completions.search(ORG, CompletionFilter(text="bees"))
    store.completions.delete_one(ORG, str(gone.id)).result(10)

    assert ids(store, searched) == [str(kept.id)]
    assert [
        group.calls for group in store.reports.statistics(ORG, StatisticsQuery(wanted=searched)).groups
    ] == [1]


def test_pages_go_on_behind_what_was_deleted_since_it_was_found(store: Store) -> None:
    """A page with one record less than was asked for is not taken for the last."""
    put_all(
        store,
        [
            completion(id=f"{number}", created_at=moment(number * 1_000), request=asked("bees"))
            for number in range(9)
        ],
    )
    searched = store.completions.search(ORG, CompletionFilter(text="bees"))
    for gone in ("1", "7"):
        store.completions.delete_one(ORG, gone).result(10)

    orders: tuple[Order, ...] = ("newest", "oldest")
    for order in orders:
        found: list[str] = []
        cursor = None
        while not found or cursor is not None:
            shown = page(store, searched, limit=3, order=order, cursor=cursor)
            found += [item.id for item in shown.items]
            cursor = shown.next_cursor
        assert sorted(found) == ["0", "2", "3", "4", "5", "6", "8"]
        assert found == ids(store, order=order)


def test_a_filter_without_words_is_searched_as_it_is(store: Store) -> None:
    """There is nothing to look for; words of no letters are refused as they are by a list."""
    assert store.completions.search(ORG, CompletionFilter(model="o3")) == CompletionFilter(model="o3")
    with pytest.raises(SearchError):
        store.completions.search(ORG, CompletionFilter(text="*"))


def test_counts_are_those_of_the_list(store: Store) -> None:
    """Each filter in each span counts what the list shows, to the millisecond."""
    fill(store)
    for conditions in FILTERS:
        for since_ms, until_ms in SPANS:
            wanted = CompletionFilter(**conditions, since_ms=since_ms, until_ms=until_ms)
            expected = MatchCount(calls=len(ids(store, wanted)), is_exact=True)
            assert store.completions.count(ORG, wanted, timeout_s=30) == expected, wanted


def test_words_are_counted_as_they_change_and_go(store: Store) -> None:
    """A count of a word, which needs no records, is that of the list after changes and deletions."""
    texts = ("bees and cows", "bees", "cows")
    for number in range(12):
        put(store, completion(id=f"{number}", created_at=moment(number), request=asked(texts[number % 3])))
    put(store, completion(request=asked("bees")), OTHER)
    put(store, completion(id="3", status="started", response=..., request=asked("birds")))
    put(store, completion(id="13", status="started", request=asked("birds"), response=...))
    put(store, completion(id="13", created_at=moment(13), request=asked("bees")))
    for number in (0, 1, 2):
        store.completions.delete_one(ORG, f"{number}").result()

    for text in ("bees", "cows", "birds", "bees cows", "be*", "in:request bees", '"bees and"'):
        wanted = CompletionFilter(text=text)
        expected = MatchCount(calls=len(ids(store, wanted)), is_exact=True)
        assert store.completions.count(ORG, wanted, timeout_s=30) == expected, text


def test_counting_ends_in_time_with_a_lower_bound(store: Store) -> None:
    """When the time is up the count is a lower bound; what roll-ups know is exact all the same."""
    fill(store)
    slow = CompletionFilter(min_duration=2.0)

    found = store.completions.count(ORG, slow, timeout_s=0)

    assert not found.is_exact
    assert found.calls <= len(ids(store, slow))
    assert store.completions.count(ORG, CompletionFilter(model="o3"), timeout_s=0).is_exact
    assert store.completions.count(ORG, slow, timeout_s=30).is_exact  # the connection is as it was


def test_text_without_a_word_is_refused(store: Store) -> None:
    """As a list of it would be."""
    with pytest.raises(SearchError):
        store.completions.count(ORG, CompletionFilter(text="!"))
