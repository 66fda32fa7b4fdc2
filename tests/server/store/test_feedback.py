"""Feedback tasks, feedback, and what is left to grade."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from log10_trace.server.store.data_types import Feedback, FeedbackTarget, FeedbackTask
from log10_trace.server.store.errors import MatchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER, completion, put, put_all
from tests.server.store.test_listing import at

_numbers = itertools.count()


def task(**fields: Any) -> FeedbackTask:
    """A feedback task."""
    usual = {
        "id": "task",
        "name": "Tone",
        "instruction": "Is it polite?",
        "json_schema": '{"type":"object"}',
        "completion_tags_selector": ("x", "y"),
        "created_at_ms": 1,
    }
    return FeedbackTask(**(usual | fields))


def feedback(**fields: Any) -> Feedback:
    """Feedback that has not been matched yet."""
    number = next(_numbers)
    usual = {
        "id": f"feedback-{number:04d}",
        "task_id": "task",
        "json_values": '{"polite":true}',
        "comment": "fine",
        "matched_completion_ids": (),
        "created_at_ms": number,
    }
    return Feedback(**(usual | fields))


@pytest.fixture
def graded(store: Store) -> Store:
    """A store with a task and three completions that it selects, and one that it does not."""
    store.feedback.add_task(ORG, task()).result()
    put_all(
        store,
        [
            completion(id="a", tags=["x"], created_at=at(0)),
            completion(id="b", tags=["y"], created_at=at(1)),
            completion(id="c", tags=["x", "y"], created_at=at(2)),
            completion(id="d", tags=["z"], created_at=at(3)),
        ],
    )
    put(store, completion(id="e", tags=["x"]), OTHER)
    return store


def add(store: Store, selection: FeedbackTarget, **fields: Any) -> Feedback:
    """Keep feedback."""
    return store.feedback.add(ORG, feedback(**fields), selection).result()


def left(store: Store, **how: Any) -> list[str]:
    """The ids of what nobody has graded."""
    page = store.completions.list_ungraded(ORG, "task", **({"limit": 10} | how))
    assert page is not None
    return [one.id for one in page.items]


def test_a_task_comes_back_and_can_be_replaced(store: Store) -> None:
    """A task is kept as it was given; giving its id again replaces it."""
    store.feedback.add_task(ORG, task()).result()
    assert store.feedback.task(ORG, "task") == task()

    store.feedback.add_task(ORG, task(name="Manner")).result()

    assert [one.name for one in store.feedback.tasks(ORG)] == ["Manner"]
    assert store.feedback.task(OTHER, "task") is None
    assert store.feedback.tasks(OTHER) == []


def test_feedback_names_the_completions_it_is_about(graded: Store) -> None:
    """Feedback for named completions is about those, in that order, each once."""
    kept = add(graded, FeedbackTarget(completion_ids=("b", "a", "b")))

    assert kept.matched_completion_ids == ("b", "a")
    assert graded.feedback.get(ORG, kept.id) == kept
    assert graded.feedback.get(OTHER, kept.id) is None


def test_feedback_by_tags_is_about_all_that_carry_them_all(graded: Store) -> None:
    """A tag selector means the completions that carry every one of its tags."""
    assert add(graded, FeedbackTarget(tags=("x", "y"))).matched_completion_ids == ("c",)
    assert set(add(graded, FeedbackTarget(tags=("x",))).matched_completion_ids) == {"a", "c"}


@pytest.mark.parametrize(
    ("selection", "field"),
    [
        (FeedbackTarget(completion_ids=("a", "nothing")), "completion_ids"),
        (FeedbackTarget(completion_ids=("e",)), "completion_ids"),
        (FeedbackTarget(tags=("nothing",)), "completion_tags_selector"),
        (FeedbackTarget(), "completion_tags_selector"),
        (FeedbackTarget(tags=("x",), max_matched=1), "max_matched_completions"),
    ],
)
def test_a_selection_that_must_not_be_is_refused(
    graded: Store, selection: FeedbackTarget, field: str
) -> None:
    """Feedback that matches nothing, or more than it allows, is refused whole and names the field."""
    with pytest.raises(MatchError) as caught:
        add(graded, selection)

    assert caught.value.field == field
    assert graded.feedback.list(ORG).total == 0


def test_feedback_without_a_match_can_be_allowed(graded: Store) -> None:
    """Feedback may wait for nothing to match, when it says so."""
    kept = add(graded, FeedbackTarget(tags=("nothing",), allow_unmatched=True))

    assert kept.matched_completion_ids == ()
    assert graded.feedback.list(ORG).total == 1


def test_feedback_for_no_task_is_refused(graded: Store) -> None:
    """Feedback belongs to a task of the organization."""
    with pytest.raises(MatchError) as caught:
        add(graded, FeedbackTarget(completion_ids=("a",)), task_id="nothing")

    assert caught.value.field == "task_id"


def test_feedback_is_listed_newest_first_in_pages(graded: Store) -> None:
    """Offset and limit walk over the feedback; the total says how much there is."""
    kept = [add(graded, FeedbackTarget(completion_ids=("a",))) for _ in range(5)]
    kept.reverse()

    first = graded.feedback.list(ORG, limit=3)
    second = graded.feedback.list(ORG, offset=3, limit=3)

    assert (*first.items, *second.items) == tuple(kept)
    assert first.total == second.total == 5
    assert graded.feedback.list(OTHER).total == 0


def test_feedback_is_listed_by_completion_and_task(graded: Store) -> None:
    """Feedback can be asked for by what it is about and by its task."""
    graded.feedback.add_task(ORG, task(id="other")).result()
    one = add(graded, FeedbackTarget(completion_ids=("a", "b")))
    two = add(graded, FeedbackTarget(completion_ids=("b",)), task_id="other")

    assert graded.feedback.list(ORG, completion_id="a").items == (one,)
    assert graded.feedback.list(ORG, completion_id="b").items == (two, one)
    assert graded.feedback.list(ORG, completion_id="b", task_id="other").items == (two,)
    assert graded.feedback.list(ORG, task_id="task").items == (one,)
    assert graded.feedback.list(ORG, completion_id="c").total == 0


def test_ungraded_is_what_the_task_selects_and_nobody_graded(graded: Store) -> None:
    """A completion with any of the task's tags waits until there is feedback for this task."""
    graded.feedback.add_task(ORG, task(id="other")).result()
    assert left(graded) == ["c", "b", "a"]

    add(graded, FeedbackTarget(completion_ids=("b",)))
    add(graded, FeedbackTarget(completion_ids=("a",)), task_id="other")

    assert left(graded) == ["c", "a"]


def test_ungraded_is_paged(graded: Store) -> None:
    """Pages of ungraded completions put together are the list, with whole records."""
    first = graded.completions.list_ungraded(ORG, "task", limit=2)
    assert first is not None
    second = graded.completions.list_ungraded(ORG, "task", limit=2, cursor=first.next_cursor)
    assert second is not None

    assert [one.id for one in (*first.items, *second.items)] == ["c", "b", "a"]
    assert second.next_cursor is None
    assert "response" in first.items[0].fields


def test_ungraded_of_no_task_is_none(graded: Store) -> None:
    """A task that the organization does not have has no list."""
    assert graded.completions.list_ungraded(ORG, "nothing", limit=1) is None
    assert graded.completions.list_ungraded(OTHER, "task", limit=1) is None
