"""A call as HTML for the output of a notebook. Pure.

Everything that stands in a record is escaped; there are no scripts, no links and nothing from outside. Colors
are those of the page around it, so that dark themes stay dark.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from log10_trace.domain import formatting
from log10_trace.domain.call_labels import describe_status, determine_status
from log10_trace.domain.call_parts import Part, list_answers, list_messages
from log10_trace.domain.charges import charges, read_usage
from log10_trace.domain.completion_record import MAX_DURATION
from log10_trace.domain.control_characters import replace_control_characters
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.domain.prices import Prices

MAX_TEXT: Final = 10_000
"""Characters of a message that are shown."""
_USER: Final = "user"
_BOX: Final = "border:1px solid rgba(128,128,128,.4);border-radius:4px;padding:.5em .8em;max-width:60em"
_FACTS: Final = "opacity:.75;font-size:90%;margin-bottom:.4em"
_TITLE: Final = "opacity:.75;font-size:90%"
_TEXT: Final = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:24em;overflow:auto;margin-bottom:.4em"


def write_html(values: Mapping[str, Any]) -> str:
    """The record with these values: model, status, time, tokens, cost, the last question, the answer.

    The other messages are folded.
    """
    failure = ": ".join(
        filter(None, map(read_text, (values.get("failure_kind"), values.get("failure_reason"))))
    )
    asked, other = _last_question(list_messages(values.get("request")))
    preview = read_mapping(values.get("preview"))
    answers = list_answers(values.get("response"), failure)
    if not asked and read_text(preview.get("request")):
        asked = [Part(_USER, read_text(preview.get("request")))]
    if not answers and read_text(preview.get("response")):
        answers = [Part("assistant", read_text(preview.get("response")))]
    blocks = [f'<div style="{_FACTS}">{_escape(" · ".join(filter(None, _facts(values))))}</div>']
    if other:
        folded = "".join(map(_message, other))
        noun = "message" if len(other) == 1 else "messages"
        blocks.append(f"<details><summary>{len(other)} other {noun}</summary>{folded}</details>")
    blocks += map(_message, [*asked, *answers])
    return f'<div style="{_BOX}">{"".join(blocks)}</div>'


def _last_question(messages: list[Part]) -> tuple[list[Part], list[Part]]:
    """The last message of a user, or where there is none the last of all; and the others."""
    at = next((i for i in reversed(range(len(messages))) if messages[i].title == _USER), len(messages) - 1)
    return messages[at : at + 1], [each for i, each in enumerate(messages) if i != at]


def _facts(values: Mapping[str, Any]) -> Iterator[str]:
    request, responses = values.get("request"), (values.get("response"), values.get("native_response"))
    models = (
        values.get("model"),
        read_mapping(request).get("model"),
        read_mapping(responses[0]).get("model"),
    )
    yield next(filter(None, map(read_text, models)), "no model")
    yield describe_status(determine_status(values), interrupted=values.get("interrupted") is True)
    yield read_text(values.get("created_at"))
    duration = values.get("duration")
    if isinstance(duration, int | float) and 0 <= duration <= MAX_DURATION:
        yield formatting.duration(duration)
    usage = read_usage(*responses)
    if usage.is_stated:
        yield f"{formatting.count(usage.input)} tokens in, {formatting.count(usage.output)} out"
    cost = values.get("cost")
    if cost is None and usage.is_stated:
        charged = charges(request, *responses, usage=usage, base_url=values.get("base_url"))
        cost = _prices().cost_of(charged)
    if isinstance(cost, int | float):
        yield formatting.dollars(cost)
    tags = [tag for tag in read_list(values.get("tags")) if isinstance(tag, str)]
    if tags:
        yield ", ".join(tags)


@cache
def _prices() -> Prices:
    return Prices.load()


def _message(part: Part) -> str:
    text, left_out = part.text[:MAX_TEXT], len(part.text) - MAX_TEXT
    if left_out > 0:
        text += f"\n... and {formatting.count(left_out)} more characters"
    title, shown = _escape(part.title), _escape(text)
    return f'<div style="{_TITLE}">{title}</div><div style="{_TEXT}">{shown}</div>'


def _escape(text: str) -> str:
    # Lone surrogates are among the characters replaced: the notebook writes its output as UTF-8.
    return html.escape(replace_control_characters(text, lambda code: f"\\u{code:04x}"))
