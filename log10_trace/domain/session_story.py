"""A session told call by call: what each added to those before, what came back, and when. Pure.

The steps come one by one, in memory that grows with the number of messages, not with their texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.call_labels import STARTED, describe_failure, describe_status, determine_status
from log10_trace.domain.call_parts import Part, list_answers, list_choice_parts, list_messages
from log10_trace.domain.call_times import read_began_ms, read_seconds
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.shown_history import ShownHistory
from log10_trace.domain.timeline import Bar, CallClock, CallTime

FIELDS: Final = (
    "request", "response", "status", "created_at", "duration", "time_to_first_token", "failure_kind",
    "failure_reason", "interrupted",
)  # fmt: skip
"""The fields of a record that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryStep:
    """One call of the story."""

    number: int
    """From 1."""
    id: str
    model: str
    status: str
    """In words: ``running``, ``finished``, ``interrupted``, ``failed``."""
    bar: Bar
    repeated: int
    """Messages at the beginning of the request that an earlier call asked or was answered."""
    added: tuple[Part, ...]
    answers: tuple[Part, ...]

    @property
    def asks_again(self) -> bool:
        """Whether the request is one that an earlier call of the session made."""
        return self.repeated > 0 and not self.added


def tell_story(records: Iterable[Mapping[str, Any]], now_ms: int) -> Iterator[StoryStep]:
    """The steps of a session; its records are given as the values of their fields, oldest first."""
    clock, history = CallClock(now_ms), ShownHistory()
    began_ms = 0
    for number, values in enumerate(records, 1):
        request, response = values.get("request"), values.get("response")
        began_ms = read_began_ms(read_text(values.get("id")), values.get("created_at")) or began_ms
        asked = [_key(part) for part in list_messages(request, reasoning=False)]
        repeated = history.count_repeated(asked)
        failure = describe_failure(values.get("failure_kind"), values.get("failure_reason"))
        yield StoryStep(
            number=number,
            id=read_text(values.get("id")),
            model=read_text(read_mapping(request).get("model"))
            or read_text(read_mapping(response).get("model")),
            status=describe_status(determine_status(values), interrupted=values.get("interrupted") is True),
            bar=clock.add(_call_time(values, began_ms)),
            repeated=repeated,
            added=tuple(list_messages(request)[repeated:]),
            answers=tuple(list_answers(response, failure)),
        )
        history.add([*asked, *map(_key, list_choice_parts(response, reasoning=False)[:1])])


def _call_time(values: Mapping[str, Any], began_ms: int) -> CallTime:
    return CallTime(
        began_ms,
        read_seconds(values.get("duration")),
        read_seconds(values.get("time_to_first_token")),
        is_running=determine_status(values) == STARTED,
    )


def _key(part: Part) -> tuple[str, str]:
    return part.title, part.text
