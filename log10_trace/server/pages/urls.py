"""Addresses of pages: a path and its query, with one condition more or less. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote_plus

from log10_trace.domain import page_paths
from log10_trace.domain.path_segments import write_page_segment

call_path = page_paths.call_path
session_path = page_paths.session_path
compare_path = page_paths.compare_path

HOME: Final = page_paths.HOME
SESSIONS: Final = page_paths.SESSIONS
OVERVIEW: Final = page_paths.OVERVIEW
ROWS: Final = "/calls/rows"
FIGURES: Final = "/calls/figures"
"""Parts of the list of calls."""
CALL_TWINS: Final = "/completions.{format}"
COMPARE: Final = page_paths.COMPARE
GRADE: Final = "/grade"
SETTINGS: Final = "/settings"
_SHORT: Final = 200
"""Characters of a condition that is encoded once for many addresses."""


@dataclass(frozen=True, slots=True)
class PageURL:
    """A page's address. ``str()`` of it is what goes into a link."""

    path: str
    pairs: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        # An unpaired surrogate cannot be part of a URL; the store's columns hold "?" for it as well.
        return (
            f"{self.path}?{'&'.join(_encode_pair(*pair) for pair in self.pairs)}" if self.pairs else self.path
        )

    def with_param(self, name: str, value: str) -> PageURL:
        """The address with this value of ``name`` and no other, from the first page on."""
        return PageURL(self.path, (*self._rest(name, "cursor"), (name, value)))

    def adding_param(self, name: str, value: str) -> PageURL:
        """The address with this value of ``name`` besides those it has, from the first page on."""
        return PageURL(self.path, (*self.without_param(name, value).pairs, (name, value)))

    def without_param(self, name: str, value: str | None = None) -> PageURL:
        """The address without ``name``, or without this one ``value`` of it, from the first page on."""
        kept = tuple(pair for pair in self._rest("cursor") if pair[0] != name or value not in (None, pair[1]))
        return PageURL(self.path, kept)

    def with_path(self, path: str) -> PageURL:
        """The same conditions under another path."""
        return PageURL(path, self._rest("cursor"))

    def write_with_param(self, address: str, name: str, value: str) -> str:
        """What ``str(self.with_param(name, value))`` gives, sooner where ``address`` is ``str(self)``."""
        if self._rest(name, "cursor") != self.pairs:
            return str(self.with_param(name, value))
        return f"{address}{'&' if self.pairs else '?'}{_encode_pair(name, value)}"

    def _rest(self, *names: str) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair in self.pairs if pair[0] not in names)


def _encode_pair(name: str, value: str) -> str:
    is_short = len(name) + len(value) <= _SHORT
    return _encode_short_pair(name, value) if is_short else _encode_any_pair(name, value)


def _encode_any_pair(name: str, value: str) -> str:
    return f"{quote_plus(name, errors='replace')}={quote_plus(value, errors='replace')}"


_encode_short_pair: Final = lru_cache(maxsize=4_096)(_encode_any_pair)
"""The addresses of a page repeat its conditions some hundred times."""


def list_path(**conditions: str) -> str:
    """The path of the list of the calls with these conditions."""
    return str(PageURL(HOME, tuple(conditions.items())))


def task_path(task_id: str) -> str:
    """The path of a feedback task's page."""
    return f"{GRADE}/{write_page_segment(task_id)}"


def grading_path(task_id: str, completion_id: str) -> str:
    """The path of the page on which a completion is graded."""
    return f"{task_path(task_id)}/calls/{write_page_segment(completion_id)}"


def feedback_path(completion_id: str, task_id: str) -> str:
    """Where the form on a call's page posts feedback for a task."""
    return f"{call_path(completion_id)}/feedback/{write_page_segment(task_id)}"


def overview_path(group_by: str) -> str:
    """The path of the overview's table of these groups alone."""
    return str(PageURL(OVERVIEW, (("by", group_by),)))
