"""One sitting of a grader: what a browser's tab carries from one completion to the next. Pure.

It stands in the address and in the forms, not in a cookie: each tab is a sitting of its own.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from log10_trace.server.pages.urls import PageURL

_HOLDER: Final = re.compile(r"[0-9a-f]{32}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{0,1000}")
_FEEDBACK: Final = re.compile(r"[0-9a-f-]{36}")
_MAX_SAVED: Final = 10
"""How many can be undone, the latest first."""
_SEPARATOR: Final = ":"


class Saved(NamedTuple):
    """Feedback that was saved, and the cursor of its completion."""

    feedback_id: str
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """Who grades, and where they are."""

    holder: str
    """Holds the lease of one completion at a time."""
    cursor: str = ""
    """Of the completion that is graded now: the next one comes after it."""
    saved: tuple[Saved, ...] = ()
    """The latest first."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """What addresses and forms carry."""
        pairs = [("holder", self.holder)]
        if self.cursor:
            pairs.append(("cursor", self.cursor))
        return (*pairs, *(("saved", _SEPARATOR.join(each)) for each in self.saved))

    def at(self, cursor: str) -> Sitting:
        """The sitting at another completion."""
        return replace(self, cursor=cursor)

    def with_saved(self, feedback_id: str) -> Sitting:
        """The sitting after feedback on the present completion; saving it twice counts once."""
        saved = Saved(feedback_id, self.cursor)
        others = tuple(each for each in self.saved if each.feedback_id != feedback_id)
        return replace(self, saved=(saved, *others)[:_MAX_SAVED])

    def without_latest(self) -> Sitting:
        """The sitting before its latest feedback, at that completion."""
        return replace(self, cursor=self.saved[0].cursor, saved=self.saved[1:])

    def address(self, path: str) -> PageURL:
        """A page of this sitting."""
        return PageURL(path, self.pairs)


def read_sitting(texts: Callable[[str], Sequence[str]]) -> Sitting:
    """The sitting of a query or a form, given by the texts of a name; a new one where there is none."""
    holder, cursor = (next(iter(texts(name)), "") for name in ("holder", "cursor"))
    parts = (text.partition(_SEPARATOR)[::2] for text in texts("saved")[:_MAX_SAVED])
    return Sitting(
        holder=holder if _HOLDER.fullmatch(holder) else secrets.token_hex(16),
        cursor=cursor if _CURSOR.fullmatch(cursor) else "",
        saved=tuple(
            Saved(feedback_id, at)
            for feedback_id, at in parts
            if is_feedback_id(feedback_id) and _CURSOR.fullmatch(at)
        ),
    )


def is_feedback_id(text: str) -> bool:
    """Whether it is an id as pages make them for feedback."""
    return _FEEDBACK.fullmatch(text) is not None
