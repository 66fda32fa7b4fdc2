"""Which completions feedback is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from log10_trace.server.store.common import feedback_matching
from log10_trace.server.store.common.feedback_matching import match_completions, unknown_task
from log10_trace.server.store.data_types import FeedbackTarget
from log10_trace.server.store.errors import MatchError

EXISTING = ("c", "b", "a")
"""The completions there are, the newest first; all carry the tag x, and a carries y too."""


def find_existing(completion_ids: Sequence[str]) -> Collection[str]:
    """Those that exist, in no order of the request."""
    return {completion_id for completion_id in EXISTING if completion_id in completion_ids}


def find_tagged(tags: Sequence[str], limit: int) -> Sequence[str]:
    """The newest with all of the tags."""
    tagged = {("x",): EXISTING, ("x", "y"): ("a",)}
    return tagged.get(tuple(tags), ())[:limit]


def match(**target: Any) -> tuple[str, ...]:
    """What a target matches."""
    return match_completions(FeedbackTarget(**target), find_existing, find_tagged)


def test_ids_are_matched_once_in_the_order_of_the_request() -> None:
    """An id that is named twice is one completion; tags do not matter beside ids."""
    assert match(completion_ids=("a", "c", "a")) == ("a", "c")
    assert match(completion_ids=("b",), tags=("x", "y")) == ("b",)


@pytest.mark.parametrize(("ids", "unknown"), [(("a", "n"), 1), (("n", "n"), 1), (("m", "a", "n"), 2)])
def test_an_unknown_id_is_an_error_unless_that_is_allowed(ids: tuple[str, ...], unknown: int) -> None:
    """The message counts the unknown ids; where they are allowed the others are matched."""
    with pytest.raises(MatchError, match=f"^{unknown} of the completions are not known") as caught:
        match(completion_ids=ids)

    assert caught.value.field == "completion_ids"
    assert match(completion_ids=ids, allow_unmatched=True) == tuple(name for name in ids if name == "a")


def test_tags_match_completions_that_have_them_all() -> None:
    """The order is the store's."""
    assert match(tags=("x",)) == ("c", "b", "a")
    assert match(tags=("x", "y")) == ("a",)


@pytest.mark.parametrize("tags", [(), ("z",)])
def test_no_match_is_an_error_unless_that_is_allowed(tags: tuple[str, ...]) -> None:
    """Without tags, and with tags that no completion has."""
    with pytest.raises(MatchError, match="No completion carries these tags") as caught:
        match(tags=tags)

    assert caught.value.field == "completion_tags_selector"
    assert match(tags=tags, allow_unmatched=True) == ()


@pytest.mark.parametrize("max_matched", [0, 1, 2])
def test_more_than_the_bound_is_an_error_even_if_no_match_is_allowed(max_matched: int) -> None:
    """The sender's bound is kept; as many as it says are matched."""
    with pytest.raises(MatchError, match=f"More than {max_matched} completions") as caught:
        match(tags=("x",), max_matched=max_matched, allow_unmatched=True)

    assert caught.value.field == "max_matched_completions"
    assert match(tags=("x",), max_matched=3) == ("c", "b", "a")


def test_there_is_a_bound_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that everything has is not matched without end."""
    monkeypatch.setattr(feedback_matching, "MAX_MATCHED", 2)

    with pytest.raises(MatchError, match="More than 2 completions"):
        match(tags=("x",))


def test_an_unknown_task_is_named_by_its_field() -> None:
    """The answer tells which field of the feedback is wrong."""
    assert unknown_task().field == "task_id"
