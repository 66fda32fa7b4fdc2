"""Who grades which completion: leases on what waits for feedback, and how much is graded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, FeedbackTarget, GradingSummary
from log10_trace.server.store.errors import CursorError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER, completion, put_all
from tests.server.store.test_feedback import add, graded, task
from tests.server.store.test_listing import at

__all__ = ["graded"]

MINUTE = 60_000


def candidates(store: Store, holder: str = "me", **how: Any) -> list[str]:
    """The ids that may be leased."""
    asked = {"now_ms": 0, "limit": 10} | how
    return [
        each.completion_id
        for each in store.grading_queue.list_candidates(ORG, task(), holder=holder, **asked)
    ]


def lease(store: Store, holder: str, *completion_ids: str, now_ms: int = 0, **how: Any) -> str | None:
    """Lease for a minute."""
    return store.grading_queue.lease(
        ORG, "task", completion_ids, holder=holder, now_ms=now_ms, expires_at_ms=now_ms + MINUTE, **how
    ).result()


def test_what_waits_is_offered_newest_first_and_after_a_cursor(graded: Store) -> None:
    """A completion with any of the task's tags and no feedback is offered once; a list goes on after one."""
    assert candidates(graded) == ["c", "b", "a"]
    assert candidates(graded, limit=2) == ["c", "b"]
    first, *_ = graded.grading_queue.list_candidates(ORG, task(), holder="me", now_ms=0, limit=1)
    assert candidates(graded, cursor=first.cursor) == ["b", "a"]

    kept = add(graded, FeedbackTarget(completion_ids=("b",)))
    assert candidates(graded) == ["c", "a"]
    assert graded.feedback.delete(ORG, kept.id).result()
    assert candidates(graded) == ["c", "b", "a"]

    first, *_ = graded.grading_queue.list_candidates(OTHER, task(), holder="me", now_ms=0, limit=9)
    assert first.completion_id == "e"
    none = task(completion_tags_selector=())
    assert graded.grading_queue.list_candidates(ORG, none, holder="me", now_ms=0, limit=9) == []
    with pytest.raises(CursorError):
        candidates(graded, cursor="nonsense")


def test_one_completion_is_leased_to_one_holder_until_the_lease_expires(graded: Store) -> None:
    """Another holder is neither offered nor given it before that; afterwards it is handed out again."""
    assert lease(graded, "one", "c", "b") == "c"
    assert lease(graded, "two", "c", "b") == "b"
    assert lease(graded, "three", "c", "b") is None

    assert candidates(graded, "three") == ["a"]
    assert candidates(graded, "one") == ["c", "a"]
    assert candidates(graded, "three", now_ms=MINUTE) == ["c", "b", "a"]
    assert lease(graded, "three", "c", now_ms=MINUTE - 1) is None
    assert lease(graded, "three", "c", now_ms=MINUTE) == "c"


def test_a_holder_has_one_completion_at_a_time(graded: Store) -> None:
    """Going on gives up what was held, also when nothing more is to be had; repeating gives the same."""
    assert lease(graded, "one", "c") == "c"
    assert lease(graded, "one", "c", "b") == "c"
    assert lease(graded, "one", "b") == "b"
    assert [held.completion_id for held in graded.grading_queue.list_leases(ORG, "task", now_ms=0)] == ["b"]

    assert lease(graded, "one") is None

    assert graded.grading_queue.list_leases(ORG, "task", now_ms=0) == []


def test_a_lease_can_be_taken_over_with_a_draft(graded: Store) -> None:
    """Who says so gets a completion that another holds or that is graded, and leaves a draft with it."""
    lease(graded, "one", "c")
    add(graded, FeedbackTarget(completion_ids=("b",)))
    assert lease(graded, "two", "b") is None

    assert lease(graded, "two", "c", take_over=True, draft='{"a":1}') == "c"
    (held,) = graded.grading_queue.list_leases(ORG, "task", now_ms=0)

    assert (held.completion_id, held.holder, held.draft, held.expires_at_ms) == (
        "c",
        "two",
        '{"a":1}',
        MINUTE,
    )
    assert lease(graded, "one", "b", take_over=True) == "b"
    assert graded.grading_queue.list_leases(ORG, "task", now_ms=MINUTE) == []
    assert graded.grading_queue.list_leases(OTHER, "task", now_ms=0) == []
    assert graded.grading_queue.list_leases(ORG, "other", now_ms=0) == []


def test_servers_that_share_a_database_hand_out_each_completion_once(store_url: str) -> None:
    """Two stores and many holders at the same moment: nobody is given what another has."""
    stores = [open_store(store_url), open_store(store_url)]
    stores[0].feedback.add_task(ORG, task()).result()
    ids = [f"c{number}" for number in range(12)]
    put_all(stores[0], [completion(id=each, tags=["x"], created_at=at(0)) for each in ids])

    with ThreadPoolExecutor(12) as threads:
        got = list(threads.map(lambda n: lease(stores[n % 2], f"holder-{n}", *ids), range(12)))
    for store in stores:
        store.close()

    assert sorted(map(str, got)) == sorted(ids)


def test_many_graded_completions_do_not_hide_what_waits(store: Store) -> None:
    """What waits is found below hundreds that are graded, and the count of those stops at its limit."""
    store.feedback.add_task(ORG, task()).result()
    ids = [f"c{number:03d}" for number in range(420)]
    put_all(
        store, [completion(id=each, tags=["x"], created_at=at(number)) for number, each in enumerate(ids)]
    )
    add(store, FeedbackTarget(completion_ids=tuple(ids[5:])))
    add(store, FeedbackTarget(completion_ids=("c419",)), key_id="alice")

    assert candidates(store, limit=3) == ["c004", "c003", "c002"]
    assert store.grading_queue.summarize(ORG, "task") == GradingSummary(
        graded=415, is_exact=True, key_ids=("alice",)
    )
    limited = store.grading_queue.summarize(ORG, "task", limit=100)
    assert (limited.graded, limited.is_exact) == (100, False)
    assert store.grading_queue.summarize(OTHER, "task").graded == 0


def test_feedback_of_a_task_is_paged_by_cursor_and_can_be_deleted(graded: Store) -> None:
    """Pages put together are all feedback of the task, newest first, each with the key it was given with."""
    graded.feedback.add_task(ORG, task(id="other")).result()
    add(graded, FeedbackTarget(completion_ids=("a",)), task_id="other")
    kept = [add(graded, FeedbackTarget(completion_ids=("a", "b")), key_id="key") for _ in range(5)]

    first = graded.feedback.list_for_task(ORG, "task", limit=3)
    second = graded.feedback.list_for_task(ORG, "task", limit=3, cursor=first.next_cursor)

    assert (*first.items, *second.items) == tuple(reversed(kept))
    assert second.next_cursor is None
    assert graded.feedback.list_values(ORG, "task", limit=4) == ('{"polite":true}',) * 4
    assert graded.feedback.list_for_task(OTHER, "task", limit=3).items == ()
    assert not graded.feedback.delete(OTHER, kept[0].id).result()
    assert graded.feedback.delete(ORG, kept[0].id).result()
    assert graded.feedback.get(ORG, kept[0].id) is None
    assert graded.feedback.list(ORG, completion_id="a", task_id="task").total == 4


def test_summaries_of_calls_are_read_by_id(graded: Store) -> None:
    """The lines of calls in a list, by id; those of other organizations and unknown ids are left out."""
    listed = {each.id: each for each in graded.completions.page(ORG, CompletionFilter(), limit=10).items}

    found = graded.completions.get_summaries(ORG, ["a", "d", "e", "nothing"])

    assert found == {call: listed[call] for call in ("a", "d")}
    assert graded.completions.get_summaries(ORG, []) == {}
