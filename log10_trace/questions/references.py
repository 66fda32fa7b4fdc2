"""The call or the session that a user means: by its id, a part of it, or its place among the newest.

A part is a beginning or an end of at least four characters. ``latest`` is the newest call, ``-2`` the one
before it, and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from log10_trace.client import Log10
from log10_trace.domain.labels import is_label
from log10_trace.errors import AuthenticationError, Log10Error, NotFoundError
from log10_trace.models.components import CompletionSummary, Session

LATEST: Final = "latest"
_POSITION: Final = re.compile(r"[-\N{MINUS SIGN}]([1-9][0-9]{0,3})")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MIN_CHARS: Final = 4
"""Shorter parts fit too many ids; the server looks none up."""
MAX_CANDIDATES: Final = 10
_FORBIDDEN: Final = 403


class UnknownCallError(Log10Error):
    """There is no such call."""


class AmbiguousReferenceError(Log10Error):
    """Several calls may be meant."""

    def __init__(self, wanted: str, candidates: Sequence[CompletionSummary]) -> None:
        """Name what was ``wanted`` and the calls that it may be; more than ``MAX_CANDIDATES`` are cut."""
        self.wanted = wanted
        self.candidates = candidates[:MAX_CANDIDATES]
        more = len(candidates) > MAX_CANDIDATES
        number = f"more than {MAX_CANDIDATES}" if more else f"{len(candidates)}"
        super().__init__(f"{wanted!r} may be {number} calls. Type more of the id:")


def find_call_id(client: Log10, wanted: str) -> str:
    """The id of the call that is meant.

    Raises:
        UnknownCallError: there is no such call.
        AmbiguousReferenceError: several calls may be meant.
    """
    if (number := parse_position(wanted)) is not None:
        return _resolve_position(client.completions.list(limit=number), number, "call")
    if not is_label(wanted, min_chars=_MIN_CHARS) or _UUID.fullmatch(wanted):
        return wanted
    candidates = _look_up(client, wanted)
    if candidates is None:
        return wanted
    if not candidates:
        message = (
            f"There is no such completion: no id begins or ends with {wanted!r}. See them: log10-trace ls"
        )
        raise UnknownCallError(message)
    if len(candidates) > 1:
        raise AmbiguousReferenceError(wanted, candidates)
    return candidates[0].id or wanted


def find_session_id(client: Log10, wanted: str) -> str:
    """The id of the session that is meant: the whole id, ``latest``, or ``-2``.

    Raises:
        UnknownCallError: there are not so many sessions.
    """
    number = parse_position(wanted)
    if number is None:
        return wanted
    return _resolve_position(client.sessions.list(limit=number), number, "session")


def parse_position(wanted: str) -> int | None:
    """The place among the newest, from 1; None where the text names none."""
    if wanted == LATEST:
        return 1
    found = _POSITION.fullmatch(wanted)
    return int(found[1]) if found else None


def _resolve_position(newest: Iterable[CompletionSummary | Session], number: int, thing: str) -> str:
    found = list(newest)
    if not found:
        message = f"There are no {thing}s yet. See six calls arrive: log10-trace demo"
        raise UnknownCallError(message)
    if len(found) < number:
        count = f"{len(found):,} {thing}" if len(found) == 1 else f"{len(found):,} {thing}s"
        message = f"There is no {thing} -{number}: there is no more than {count}."
        raise UnknownCallError(message)
    return found[-1].id or ""


def _look_up(client: Log10, part: str) -> list[CompletionSummary] | None:
    """The calls that the part may stand for; None where the key or the server cannot tell."""
    try:
        return client.completions.look_up(part, limit=MAX_CANDIDATES + 1).completions
    except NotFoundError:  # a server of an earlier version, which takes "lookup" for an id
        return None
    except AuthenticationError as error:
        if error.status_code != _FORBIDDEN:
            raise
        return None  # a key that may grade or delete, and not read
