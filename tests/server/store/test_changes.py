"""What commits change, told to those who watch: the same of every store."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.server.store import open_store
from log10_trace.server.store.common.changes import decode_changes, encode_changes
from log10_trace.server.store.data_types import DELETED, CompletionChange, CompletionFilter
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER, completion, put, put_all

DEADLINE_S = 120

Told = queue.Queue[Sequence[CompletionChange] | None]


@pytest.fixture
def watch() -> Iterator[Callable[[Store], Told]]:
    """Watches a store from the first call on, which names nothing; ends every watch with the test."""
    ends: list[Callable[[], None]] = []

    def begin(store: Store) -> Told:
        told: Told = queue.Queue()
        ends.append(store.changes.watch(told.put))
        assert told.get(timeout=DEADLINE_S) is None
        return told

    yield begin
    for end in ends:
        end()


def take(told: Told, count: int) -> list[CompletionChange]:
    """The next changes that calls of the listener name."""
    found: list[CompletionChange] = []
    while len(found) < count:
        found += told.get(timeout=DEADLINE_S) or ()
    return found


def test_a_watcher_is_told_what_commits_create_change_and_delete(
    store: Store, watch: Callable[[Store], Told]
) -> None:
    """Id, status, session and organization of each record; a repeated delivery is no change."""
    told = watch(store)

    put(store, completion(id="one", status="started", session_id="s", response=...))
    put(store, completion(id="one", status="started", session_id="s", response=...))
    put(store, completion(id="one", session_id="s"))
    put(store, completion(id="two"), OTHER)
    store.completions.delete_one(ORG, "one").result()
    store.completions.delete(OTHER, CompletionFilter()).result()

    assert take(told, 5) == [
        CompletionChange(ORG, "one", "started", "s"),
        CompletionChange(ORG, "one", "finished", "s"),
        CompletionChange(OTHER, "two", "finished", None),
        CompletionChange(ORG, "one", DELETED, "s"),
        CompletionChange(OTHER, "two", DELETED, None),
    ]


def test_a_watcher_that_raises_costs_no_write_and_no_other_watcher(
    store: Store, watch: Callable[[Store], Told]
) -> None:
    """The writes are committed, and the watchers behind it are called."""

    def fail(_changes: object) -> None:
        raise ValueError

    end = store.changes.watch(fail)
    told = watch(store)
    put(store, completion(id="one"))
    end()

    assert [change.id for change in take(told, 1)] == ["one"]


def test_every_server_of_a_database_is_told(
    store: Store, store_url: str, watch: Callable[[Store], Told]
) -> None:
    """Servers hear of each other's commits; of very many at once they hear that something changed."""
    if "://" not in store_url:
        pytest.skip("one server process at a time has a SQLite file")
    elsewhere = open_store(store_url)
    told = watch(elsewhere)

    put(store, completion(id="one"))
    first = take(told, 1)
    put_all(store, [completion() for _ in range(400)])
    sizes = [told.get(timeout=DEADLINE_S)]
    elsewhere.close()
    put(store, completion(id="two"))

    assert [change.id for change in first] == ["one"]
    assert None in sizes or any(len(changes or ()) > 1 for changes in sizes)


@given(
    st.lists(
        st.builds(CompletionChange, st.text(max_size=3), st.text(), st.text(), st.none() | st.text()),
        max_size=30,
    ),
    st.integers(4, 300),
)
@settings(max_examples=30)
def test_changes_travel_as_texts_of_bounded_size(changes: list[CompletionChange], most: int) -> None:
    """Whatever ids hold, they come back as they were, or as "something changed" where there is no room."""
    texts = encode_changes(changes, most)
    decoded = [decode_changes(text) for text in texts]

    assert all(len(text.encode()) <= most and "\0" not in text for text in texts)
    arrived = [change for each in decoded for change in each or ()]
    assert None in decoded or sorted(arrived, key=repr) == sorted(changes, key=repr)
