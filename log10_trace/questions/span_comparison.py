"""Figures beside those of a span of time before: how much of each group there is more or less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from log10_trace.client.filters import Filters
from log10_trace.models.operations import Group

_MAX_GROUPS: Final = 100
"""Groups of an answer; of a list so long nobody knows whether a missing group had no calls."""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A group's figures, and those of the span before: none where it had no calls, or where it is unknown."""

    now: Group
    before: Group | None
    is_known: bool = True
    """Whether ``before`` would be there if there had been calls."""

    @property
    def key(self) -> str | None:
        """The group's key."""
        return self.now.key

    def to_dict(self) -> dict[str, Any]:
        """The group, with the figures before under ``before``."""
        return {**self.now.model_dump(), "before": self.before and self.before.model_dump()}


def shift_span(filters: Filters, span_ms: int) -> tuple[Filters, Filters]:
    """The filters of now, and of ``span_ms`` earlier; without a start, now is the last ``span_ms``.

    Raises:
        OverflowError: that was before the year 1.
    """
    span = timedelta(milliseconds=span_ms)
    until = _moment(filters.get("until")) or datetime.now(timezone.utc)
    since = _moment(filters.get("since")) or until - span
    now, before = filters.copy(), filters.copy()
    now["since"], now["until"] = since, until
    before["since"], before["until"] = since - span, until - span
    return now, before


def _moment(value: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def compare_groups(now: Sequence[Group], before: Sequence[Group]) -> list[GroupChange]:
    """Every group of now with its figures before, then those that have no calls any more."""
    earlier = {group.key: group for group in before}
    is_known = len(before) < _MAX_GROUPS
    changes = [GroupChange(group, earlier.pop(group.key, None), is_known) for group in now]
    if len(now) < _MAX_GROUPS:
        changes += [GroupChange(Group(key=key, calls=0), group) for key, group in earlier.items()]
    return changes
