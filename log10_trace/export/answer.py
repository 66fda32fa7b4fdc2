"""What goes to a completions API and what comes back: parcels, replies, and what they say to each record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from log10_trace.export.retry import Verdict, retry_after, verdict


@dataclass(slots=True)
class Parcel:
    """One record, ready to go."""

    id: str
    body: bytes
    """The Completion as JSON on one line."""
    update: bool = False
    """Whether the server may know an earlier state of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one record."""

    verdict: Verdict
    status: int = 0
    code: str = ""
    message: str = ""
    cause: Exception | None = field(default=None, compare=False, repr=False)
    """What went wrong where no answer came."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answers to one attempt, one for each record in order, and the pause the server asked for."""

    answers: list[Answer]
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def results_of(reply: Reply) -> dict[str, Any] | None:
    """The results of a batch by the records' ids; None when this is not the answer to a batch."""
    found = reply.json() if reply.status in (200, 207) else None
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, list):
        return None
    return {str(each.get("id")): each for each in results if isinstance(each, dict)}


def answer_of_result(result: Any) -> Answer:
    """What a batch's result says to its record; a record without a result is sent again."""
    if not isinstance(result, dict) or not isinstance(result.get("status"), int):
        return Answer(Verdict.AGAIN)
    status = result["status"]
    return Answer(verdict(status), status, str(result.get("code", "")), _message(result))


def answer_of(reply: Reply) -> Answer:
    """What a reply says to the one record, or to all the records, that it answers."""
    said = reply.json()
    said = said if isinstance(said, dict) else {}
    return Answer(verdict(reply.status), reply.status, str(said.get("code", "")), _message(said))


def _message(said: dict[str, Any]) -> str:
    field = f"{said['field']}: " if said.get("field") else ""
    return f"{field}{said.get('message', '')}"[:1000]


def pause_of(reply: Reply) -> float:
    """The seconds for which the server asks to be left alone."""
    return retry_after(reply.headers.get("Retry-After"), time.time())
