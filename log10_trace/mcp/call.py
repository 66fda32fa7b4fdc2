"""The tool that shows one call: what was asked and answered, from which line, for how much, why it failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.client import Log10
from log10_trace.domain.call_labels import describe_failure, describe_origin
from log10_trace.domain.call_parts import Part, list_answers, list_messages, list_parameters, list_tools
from log10_trace.domain.comparison.call_comparison import read_facts
from log10_trace.domain.comparison.facts import Unit
from log10_trace.domain.json_slices import parse_value
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.domain.page_paths import call_path
from log10_trace.domain.prices import Prices
from log10_trace.errors import ArgumentError
from log10_trace.mcp.answer import Answer, Detail
from log10_trace.mcp.arguments import Argument, whole_number
from log10_trace.mcp.arguments import read_text as read_text_argument
from log10_trace.mcp.excerpts import cut_middle, shorten
from log10_trace.mcp.tool import Question, Tool
from log10_trace.questions.references import find_call_id
from log10_trace.questions.server_prices import prices_of

_FRAMES: Final = 12
_FRAME: Final = 600
_SOURCE: Final = 200
_NAME: Final = 200
_MAX_OFFSET: Final = 10**9
_AS_IS: Final = ("metadata", "retries", "request_id", "interrupted", "content_omitted")
"""Small fields of a record that are shown as they are."""


def get_record(client: Log10, wanted: str) -> dict[str, Any]:
    """The record of the call that is meant.

    Raises:
        Log10Error: there is none, or several may be meant.
    """
    answer = client.completions.get(completion_id=find_call_id(client, wanted))
    record: dict[str, Any] = parse_value(answer.raw_response.text)
    return record


def _get(question: Question) -> Callable[[Detail], Answer]:
    call = CallTexts.read(get_record(question.client, question.given["id"]))
    page = question.page(call_path(read_text(call.record.get("id"))))
    if question.given["part"] is not None:
        return _show_part(call, question.given, page)
    return show_call(call, prices_of(question.client), page)


def show_call(call: CallTexts, prices: Prices, page: str) -> Callable[[Detail], Answer]:
    """What makes the answer that shows the whole call, cut as the detail asks."""
    return lambda detail: Answer(
        summary="One call, as it was recorded.", recorded=_describe_call(call, prices, detail), page=page
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTexts:
    """A record, and its texts."""

    record: Mapping[str, Any]
    failure: str
    stack: list[str]
    """The frames, the user's own line last: ``shop.py:12 in checkout: ask(question)``."""
    messages: list[Part]
    answers: list[Part]
    """Without the failure."""
    parameters: list[Part]
    tools: list[Part]

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> CallTexts:
        """The texts of a record, whatever its fields hold."""
        request = record.get("request")
        failure = describe_failure(record.get("failure_kind"), record.get("failure_reason"))
        answers = list_answers(record.get("response"), failure)
        return cls(
            record=record,
            failure=failure,
            stack=[_describe_frame(read_mapping(frame)) for frame in read_list(record.get("stacktrace"))],
            messages=list_messages(request, whole=True),
            answers=[part for part in answers if part.title != "failure"],
            parameters=list_parameters(request),
            tools=list_tools(request),
        )


def _describe_call(call: CallTexts, prices: Prices, detail: Detail) -> dict[str, Any]:
    facts = {_name_fact(*key): value for key, value in read_facts(call.record, prices).items()}
    fields = {**facts, **{name: call.record.get(name) for name in _AS_IS}}
    stack = [shorten(frame, min(_FRAME, 2 * detail.characters)) for frame in call.stack[-detail.items :]]
    return {
        "id": call.record.get("id"),
        "facts": {name: _describe_field(value, detail) for name, value in fields.items()},
        "failure": cut_middle(call.failure, detail.characters, 'part="failure"'),
        "failing_line" if call.failure else "line": stack[-1] if stack else None,
        "stack": _keep_last(stack, len(call.stack), min(_FRAMES, detail.items)),
        "parameters": {
            _name(part, detail): cut_middle(part.text, detail.characters, f'part="parameter {part.title}"')
            for part in call.parameters[: detail.items]
        },
        "tools_offered": [_name(part, detail) for part in call.tools[: detail.items]],
        "messages": _describe_parts("message", call.messages, detail),
        "answers": _describe_parts("answer", call.answers, detail),
        "left_out": {
            "parameters": max(0, len(call.parameters) - detail.items) or None,
            "tools_offered": max(0, len(call.tools) - detail.items) or None,
        },
    }


def _name_fact(name: str, unit: Unit) -> str:
    return f"{name} ({unit})" if unit in ("seconds", "dollars") else name


def _name(part: Part, detail: Detail) -> str:
    return shorten(part.title, min(_NAME, detail.characters))


def _describe_field(value: Any, detail: Detail) -> Any:
    """A small field: texts are shortened, also those of a map, of which the first items are shown."""
    most = min(_NAME, detail.characters)
    if isinstance(value, dict):
        pairs = list(value.items())[: detail.items]
        return {shorten(str(name), most): _describe_field(item, detail) for name, item in pairs}
    if isinstance(value, list):
        value = json.dumps(value)
    return shorten(value, most) if isinstance(value, str) else value


def _describe_parts(kind: str, parts: list[Part], detail: Detail) -> list[Any]:
    """The parts at both ends, each with its name for ``part``; a line stands for those between."""
    described: list[Any] = [
        {
            "part": f"{kind} {part.number}",
            "from": _name(part, detail),
            "text": cut_middle(part.text, detail.characters, f'part="{kind} {part.number}"'),
        }
        for part in _keep_ends(parts, detail.items)
    ]
    omitted = len(parts) - len(described)
    if omitted > 0:
        first = parts[(len(described) + 1) // 2].number
        note = f'[... {omitted:,} {kind}s left out; part="{kind} {first}" gives the first of them ...]'
        described.insert((len(described) + 1) // 2, note)
    return described


def _keep_ends(parts: list[Part], count: int) -> list[Part]:
    if len(parts) <= count:
        return parts
    head, tail = (count + 1) // 2, count // 2
    return [*parts[:head], *parts[len(parts) - tail :]]


def _describe_frame(frame: Mapping[str, Any]) -> str:
    origin = describe_origin(frame.get("origin"))
    place = f"{read_text(frame.get('file'))}:{frame.get('lineno')} in {read_text(frame.get('name'))}"
    source = read_text(frame.get("line"))
    return (
        shorten(place, 2 * _NAME)
        + (f": {shorten(source, _SOURCE)}" if source else "")
        + (f" (this line {origin})" if origin else "")
    )


def _keep_last(frames: list[str], total: int, count: int) -> list[str]:
    omitted = total - count
    note = f'[... {omitted:,} outer frames left out; part="stack" gives them ...]'
    return frames if omitted <= 0 else [note, *frames[-count:]]


def _show_part(call: CallTexts, given: Mapping[str, Any], page: str) -> Callable[[Detail], Answer]:
    """One text of the call, from an offset on."""
    name, offset = given["part"], given["offset"]
    text = _find_part(call, name)
    if offset > len(text):
        message = f"offset={offset} cannot be used: the text has {len(text):,} characters."
        raise ArgumentError(message)

    def build(detail: Detail) -> Answer:
        end = min(len(text), offset + detail.characters)
        return Answer(
            summary=f"Characters {offset:,} to {end:,} of {len(text):,} of one part of a call.",
            recorded={"id": call.record.get("id"), "part": name, "text": text[offset:end]},
            page=page,
            next_arguments={"offset": end} if end < len(text) else None,
        )

    return build


def _find_part(call: CallTexts, name: str) -> str:
    """The text that a value of ``part`` names.

    Raises:
        ArgumentError: the call has no such part.
    """
    if name == "failure":
        return call.failure
    if name == "stack":
        return "\n".join(call.stack)
    kind, _, key = name.partition(" ")
    if kind in ("message", "answer"):
        parts = {str(part.number): part for part in (call.messages if kind == "message" else call.answers)}
    else:
        parts = {
            part.title: part for part in {"parameter": call.parameters, "tool": call.tools}.get(kind, [])
        }
    if key not in parts:
        message = (
            "The call has no such part. A part is 'message 1', 'answer 1', 'parameter NAME', 'tool NAME', "
            f"'failure' or 'stack'; the call has {len(call.messages):,} messages and {len(call.answers):,} "
            "answers."
        )
        raise ArgumentError(message)
    return parts[key].text


ID: Final[Mapping[str, Any]] = {
    "type": "string",
    "description": "Id of a call, its beginning or end (4 characters or more), 'latest', or '-2' for the one "
    "before the latest.",
}
GET_CALL: Final = Tool(
    name="get_call",
    title="Get one call",
    description=(
        "Show one call: its messages with tool calls, parameters, answer, why it failed, the line of the "
        "program with its stack, tokens, cost and time. Long texts are cut in the middle; each says the part "
        "and the offset that give the rest."
    ),
    arguments=(
        Argument(name="id", schema=ID, read=read_text_argument, is_required=True),
        Argument(
            name="part",
            schema={
                "type": "string",
                "description": "Only this text: 'message 3', 'answer 1', 'parameter NAME', 'tool NAME', "
                "'failure', 'stack'.",
            },
            read=read_text_argument,
        ),
        Argument(
            name="offset",
            schema={
                "type": "integer",
                "minimum": 0,
                "default": 0,
                "description": "Of a part: the character to begin at.",
            },
            read=whole_number(0, _MAX_OFFSET),
            default=0,
        ),
    ),
    answer=_get,
)
