"""What a call adds to the call before it in its session. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from log10_trace.domain.json_values import read_mapping
from log10_trace.server.pages import json_access
from log10_trace.server.pages.messages import request_messages, response_choices
from log10_trace.server.store.data_types import StoredCompletion

MAX_COMPARED: Final = 1_000_000
"""Characters of an earlier request that is compared; a longer one is read at its ends only."""


def count_repeated(earlier: StoredCompletion, request: Mapping[str, Any]) -> int:
    """How many messages at the beginning of ``request`` stand in the earlier call, its answer included."""
    if len(earlier.fields.get("request", "")) > MAX_COMPARED:
        return 0
    values = json_access.values_of(earlier, ("request", "response"))
    before, after = (_messages(read_mapping(body)) for body in (values.get("request"), request))
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    return same + _repeats_answer(values.get("response"), after[same:]) if same == len(before) else 0


def _messages(body: Mapping[str, Any]) -> Sequence[Any]:
    messages = body.get("messages")
    return messages if isinstance(messages, list) else ()


def _repeats_answer(response: Any, rest: Sequence[Any]) -> int:
    """1 when the rest begins with the answer, else 0; the two differ in fields that are not shown."""
    answers = response_choices(response)[:1]
    sent_back = request_messages({"messages": list(rest[:1])})
    return int(bool(answers) and tuple(answer.turn for answer in answers) == sent_back)
