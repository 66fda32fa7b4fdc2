"""One call whole: from the stored record to everything its page shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.charges import Charge, Usage, charges, read_usage
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.metadata import read_pairs
from log10_trace.server.pages import json_access
from log10_trace.server.pages.call_fields import FIELDS, CallFields, labels
from log10_trace.server.pages.excerpt import ENDS, Gap
from log10_trace.server.pages.json_indent import indent_json
from log10_trace.server.pages.messages import Choice, Message, request_messages, response_choices
from log10_trace.server.pages.sanitize import truncate
from log10_trace.server.pages.stacktrace import Stack, stack_of
from log10_trace.server.store.data_types import StoredCompletion

RAW: Final = {
    "native_request": "Request",
    "native_response": "Response",
    "request": "Request",
    "response": "Response",
    "raw_request": "Request as it was sent",
    "raw_response": "Response as it came",
    "raw_events": "Events of the stream",
}
"""The bodies of a record, by the name of their field."""

_PART_CHARACTERS: Final = 8_000
_PART_LEAST: Final = 400
_PAGE_CHARACTERS: Final = 400_000
_RAW_CHARACTERS: Final = 40_000
_WHOLE_PART_LEAST: Final = 100_000
_WHOLE_PAGE_CHARACTERS: Final = 16_000_000
_WHOLE_RAW_CHARACTERS: Final = 1_000_000
"""The same where the whole is asked for: the exact text alone has no bound."""
_UNFOLDED_FIRST: Final = 2
_UNFOLDED_LAST: Final = 6
_FIELDS: Final = (
    *FIELDS, "request", "response", "stacktrace", "metadata", "base_url", "source", "sequence",
    "content_omitted",
)  # fmt: skip
_SHOWN_APART: Final = frozenset(("messages", "prompt", "model", "tools", "functions"))


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model was offered."""

    name: str
    description: str
    definition: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A body of the record as JSON text, line breaks added."""

    field: str
    title: str
    text: str
    size: int
    """Characters of the whole as it is stored."""
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """Everything that the page of one call shows."""

    labels: CallFields
    request: Mapping[str, Any]
    """The request, its long arrays abridged."""
    model: str
    answered_by: str
    """The model as the response names it, when that is another name."""
    asked: tuple[Message, ...]
    choices: tuple[Choice, ...]
    plain_answer: str
    """A response that is no JSON object, as it is."""
    error: str
    """The error object of the response."""
    usage: Usage
    charges: tuple[Charge, ...]
    """What the statistics charge the call; empty when its tokens are not known."""
    stack: Stack
    tools: tuple[Tool, ...]
    parameters: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]
    found_by: Mapping[str, str]
    """The keys of the metadata that calls are found by, each with the condition of a list."""
    base_url: str
    source: str
    sequence: int | None
    content_omitted: str
    """``all`` or ``large``: which contents the program did not keep; empty when it kept them."""
    raw_bodies: tuple[Raw, ...]
    """The bodies that the record has."""
    most: int
    """Characters shown of one text."""
    is_whole: bool
    """Whether as much is shown as a page can show."""

    @property
    def collapsed(self) -> range:
        """Which of the turns asked, by index, are collapsed: the middle of a long conversation."""
        last = len(self.asked) - _UNFOLDED_LAST
        is_long = not self.is_whole and last > 2 * _UNFOLDED_FIRST
        return range(_UNFOLDED_FIRST, last) if is_long else range(0)

    @property
    def folded_messages(self) -> int:
        """Number of collapsed messages, including those that the page omits."""
        collapsed = self.collapsed
        return sum(turn.omitted or 1 for turn in self.asked[collapsed.start : collapsed.stop])


def call_view(
    stored: StoredCompletion, *, whole: bool = False, ends: int = ENDS, raw: bool = True
) -> CallView:
    """The view of a record.

    Args:
        stored: The record.
        whole: Cut only texts that no page can show.
        ends: How many messages at each end of a conversation are shown.
        raw: Whether the view has the bodies.
    """
    values = json_access.values_of(stored, _FIELDS)
    request, response = read_mapping(values.get("request")), values.get("response")
    model = json_access.short_text(request.get("model"))
    answered_by = json_access.short_text(read_mapping(response).get("model"))
    responses = _responses(stored, response)
    usage = read_usage(*responses)
    turns, choices = request_messages(request, ends), response_choices(response)
    return CallView(
        labels=labels(stored.id, values),
        request=request,
        model=model or answered_by,
        answered_by=answered_by if model and answered_by != model else "",
        asked=turns,
        choices=choices,
        plain_answer=_plain_answer(response),
        error=_error(response),
        usage=usage,
        charges=charges(request, *responses, usage=usage, base_url=values.get("base_url"))
        if usage.is_stated
        else (),
        stack=stack_of(values.get("stacktrace")),
        tools=tuple(_tools(request)),
        parameters=_pairs(request, without=_SHOWN_APART),
        metadata=_pairs(read_mapping(values.get("metadata"))),
        found_by={key: f"{key}={value}" for key, value in read_pairs(values.get("metadata"))},
        base_url=json_access.short_text(values.get("base_url")),
        source=json_access.short_text(values.get("source")),
        sequence=json_access.integer(values.get("sequence")),
        content_omitted=read_text(values.get("content_omitted")),
        raw_bodies=tuple(_raws(stored.fields, _WHOLE_RAW_CHARACTERS if whole else _RAW_CHARACTERS))
        if raw
        else (),
        most=text_limit((*turns, *(choice.turn for choice in choices)), whole=whole),
        is_whole=whole,
    )


def _responses(stored: StoredCompletion, response: Any) -> tuple[Any, ...]:
    """The response, and the native one where only that may state the usage."""
    if read_usage(response).is_stated:
        return (response,)
    return response, json_access.values_of(stored, ("native_response",)).get("native_response")


def text_limit(turns: Sequence[Message], *, whole: bool = False) -> int:
    """How many characters of one text a page shows, so that many texts still make a page one can read."""
    texts = max(1, sum(len(turn.parts) + len(turn.calls) for turn in turns))
    if whole:
        return max(_WHOLE_PART_LEAST, _WHOLE_PAGE_CHARACTERS // texts)
    return max(_PART_LEAST, min(_PART_CHARACTERS, _PAGE_CHARACTERS // texts))


def _plain_answer(response: Any) -> str:
    return "" if response is None or isinstance(response, dict) else json_access.as_text(response)


def _error(response: Any) -> str:
    error = read_mapping(response).get("error")
    message = read_text(read_mapping(error).get("message"))
    return message or (json_access.as_text(error) if error else "")


def _tools(request: Mapping[str, Any]) -> Iterator[Tool]:
    for name in ("tools", "functions"):
        for offered in json_access.sequence(request.get(name)):
            if isinstance(offered, Gap):
                yield Tool(offered, "", offered)
                continue
            holder = read_mapping(offered)
            tool = read_mapping(holder.get("function")) or read_mapping(holder.get("custom")) or holder
            title = json_access.short_text(tool.get("name")) or json_access.short_text(holder.get("type"))
            yield Tool(title or "tool", read_text(tool.get("description")), json_access.as_text(offered))


def _pairs(holder: Mapping[str, Any], without: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    return tuple(
        (json_access.short_text(name), json_access.as_text(value))
        for name, value in json_access.pairs(holder, without)
    )


def _raws(fields: Mapping[str, str], most: int) -> Iterator[Raw]:
    for field, name in RAW.items():
        text = fields.get(field, "null")
        if text != "null":
            is_a_view = fields.get(f"native_{field}", "null") != "null"
            title = f"{name} in the form of a chat" if is_a_view else name
            shown = truncate(text, most)
            yield Raw(field, title, indent_json(shown.text), shown.whole, shown.is_whole)
