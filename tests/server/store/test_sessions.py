"""Sessions by what was called in them, on each store."""

from __future__ import annotations

import pytest

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common import session_filter
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.errors import SearchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import (
    MINUTE_MS,
    NOON_MS,
    ORG,
    OTHER,
    answer,
    asked,
    completion,
    put,
    put_all,
)
from tests.server.store.test_listing import at


def sessions(store: Store, wanted: CompletionFilter, limit: int = 100) -> list[str]:
    """The ids of the sessions that match, read in pages."""
    found: list[str] = []
    cursor = None
    while True:
        page = store.sessions.page(ORG, wanted, limit=limit, cursor=cursor)
        found += [session.id for session in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_the_first_and_the_last_call_of_sessions_are_found_together(store: Store) -> None:
    """Of each session that has calls, in the organization alone; a single call is both."""
    fill(store)
    put_all(store, [completion(id="only", session_id="ä" * 512)])
    put(store, completion(session_id="late"), OTHER)

    names = ["long", "late", "ä" * 512, "none of these"]
    found = store.completions.find_session_ends(ORG, names)

    assert {name: (first.model, last.model) for name, (first, last) in found.items()} == {
        "long": ("m1", "m2"),
        "late": ("m2", "m2"),
        "ä" * 512: ("gpt-4o", "gpt-4o"),
    }
    assert [one.id for one in found["ä" * 512]] == ["only", "only"]
    assert store.completions.find_session_ends(ORG, []) == {}


def test_ends_of_a_session_are_found_on_whatever_day_their_ids_are_of(store: Store) -> None:
    """An id of another day than the call's hides no end, nor does an end that was deleted."""
    usual = [id_of(NOON_MS + minute * MINUTE_MS) for minute in range(3)]
    far = [id_of(NOON_MS - 40 * DAY_MS), id_of(NOON_MS + 40 * DAY_MS)]
    created = store.sessions.create(ORG).result()
    made = {
        "usual": [*zip(usual, range(3), strict=True)],
        "far": [(far[0], 0), (id_of(NOON_MS + 1), 1), (far[1], 2)],
        "cut": [(id_of(NOON_MS + 2), 0), (id_of(NOON_MS + 3), 1), (id_of(NOON_MS + 4), 2)],
        created: [(id_of(NOON_MS + 5), 1)],
    }
    put_all(
        store,
        [
            completion(id=completion_id, session_id=session_id, created_at=at(minute))
            for session_id, calls in made.items()
            for completion_id, minute in calls
        ],
    )
    store.completions.delete_one(ORG, made["cut"][0][0]).result()

    found = store.completions.find_session_ends(ORG, [*made, store.sessions.create(ORG).result()])

    assert {name: tuple(one.id for one in ends) for name, ends in found.items()} == {
        "usual": (usual[0], usual[2]),
        "far": (far[0], far[1]),
        "cut": (made["cut"][1][0], made["cut"][2][0]),
        created: (made[created][0][0],) * 2,
    }


def id_of(began_ms: int) -> str:
    """The UUIDv7 of a millisecond."""
    time = f"{began_ms:012x}"
    return f"{time[:8]}-{time[8:]}-7000-8000-000000000000"


def fill(store: Store) -> None:
    """Sessions that begin and end at different minutes after noon."""
    put_all(
        store,
        [
            completion(session_id="long", created_at=at(0), tags=["a"], request=asked("giraffe", model="m1")),
            completion(session_id="long", created_at=at(50), request=asked("okapi", model="m2")),
            completion(session_id="early", created_at=at(1), tags=["a", "b"]),
            completion(session_id="middle", created_at=at(25), tags=["b"], response=answer("zebra 🎉")),
            completion(
                session_id="late", created_at=at(60), tags=["a"], request=asked("giraffe", model="m2")
            ),
            completion(session_id=..., created_at=at(61), tags=["a"]),
        ],
    )
    put(store, completion(session_id="foreign", created_at=at(30), tags=["a"]), OTHER)


@pytest.mark.parametrize("limit", [100, 1])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (CompletionFilter(), ["late", "long", "middle", "early"]),
        (CompletionFilter(since_ms=NOON_MS + 40 * MINUTE_MS), ["late", "long"]),
        (CompletionFilter(until_ms=NOON_MS + 1 * MINUTE_MS), ["long"]),
        (CompletionFilter(since_ms=NOON_MS + 20 * MINUTE_MS, until_ms=NOON_MS + 30 * MINUTE_MS), ["middle"]),
        (CompletionFilter(tags=("a",)), ["late", "long", "early"]),
        (CompletionFilter(tags=("a", "b"), tag_match="all"), ["early"]),
        (CompletionFilter(model="m2"), ["late", "long"]),
        (CompletionFilter(text="giraffe"), ["late", "long"]),
        (CompletionFilter(text="zebra"), ["middle"]),
        (CompletionFilter(tags=("a",), since_ms=NOON_MS + 40 * MINUTE_MS), ["late"]),
        (CompletionFilter(tags=("a",), model="m2", text="giraffe"), ["late"]),
        (CompletionFilter(text="unheard"), []),
    ],
    ids=lambda value: None if isinstance(value, list) else "",
)
def test_sessions_are_found_by_their_calls(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: int, wanted: CompletionFilter, expected: list[str]
) -> None:
    """A session matches when one of its calls does, the latest first, in pages, however many calls match."""
    fill(store)

    by_ids = sessions(store, wanted, limit)
    monkeypatch.setattr(session_filter, "_FEW", 1)
    in_order = sessions(store, wanted, limit)

    assert by_ids == in_order == expected


def test_a_text_without_a_word_is_refused_for_sessions_too(store: Store) -> None:
    """Sessions are searched in as calls are."""
    with pytest.raises(SearchError):
        store.sessions.page(ORG, CompletionFilter(text="."), limit=1)
