"""Which completions feedback is about, and when there are none or too many. No SQL here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from log10_trace.server.store.data_types import FeedbackTarget
from log10_trace.server.store.errors import MatchError

MAX_MATCHED: Final = 100_000
"""Completions that one piece of feedback may be about, unless its sender sets another bound."""


def unknown_task() -> MatchError:
    """The error of feedback for a task that the organization does not have."""
    return MatchError("task_id", "There is no such feedback task.")


def match_completions(
    target: FeedbackTarget,
    find_existing: Callable[[Sequence[str]], Collection[str]],
    find_tagged: Callable[[Sequence[str], int], Sequence[str]],
) -> tuple[str, ...]:
    """The ids of the completions that ``target`` means, each once.

    Args:
        target: ids, or else tags.
        find_existing: those of the ids that the organization has.
        find_tagged: the ids of the completions with all of the tags, up to a maximum.

    Raises:
        MatchError: an id is unknown, too many completions have the tags, or none has.
    """
    if target.completion_ids:
        return _match_ids(target, find_existing)
    matched = _match_tags(target, find_tagged) if target.tags else ()
    if not matched and not target.allow_unmatched:
        field, message = "completion_tags_selector", "No completion carries these tags."
        raise MatchError(field, message)
    return matched


def _match_ids(
    target: FeedbackTarget, find_existing: Callable[[Sequence[str]], Collection[str]]
) -> tuple[str, ...]:
    requested = tuple(dict.fromkeys(target.completion_ids))
    existing = set(find_existing(requested))
    if len(existing) < len(requested) and not target.allow_unmatched:
        message = f"{len(requested) - len(existing)} of the completions are not known."
        field = "completion_ids"
        raise MatchError(field, message)
    return tuple(completion_id for completion_id in requested if completion_id in existing)


def _match_tags(
    target: FeedbackTarget, find_tagged: Callable[[Sequence[str], int], Sequence[str]]
) -> tuple[str, ...]:
    max_matched = MAX_MATCHED if target.max_matched is None else target.max_matched
    matched = tuple(find_tagged(target.tags, max_matched + 1))
    if len(matched) > max_matched:
        field = "max_matched_completions"
        message = f"More than {max_matched} completions carry these tags."
        raise MatchError(field, message)
    return matched
