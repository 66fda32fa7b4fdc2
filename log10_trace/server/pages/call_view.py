"""One call whole: from the stored record to everything its page shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.server.pages import shapes
from log10_trace.server.pages.indented import indented
from log10_trace.server.pages.labels import Labels, labels
from log10_trace.server.pages.plain import cut
from log10_trace.server.pages.stacks import Stack, stack_of
from log10_trace.server.pages.turns import Choice, Turn, answered, asked
from log10_trace.server.pages.usage import Usage, usage_of
from log10_trace.server.store.answers import Stored

RAW: Final = {
    "native_request": "Request",
    "native_response": "Response",
    "request": "Request",
    "response": "Response",
}
"""The bodies of a record, by the name of their field."""

_PART_CHARACTERS: Final = 8_000
_PART_LEAST: Final = 400
_PAGE_CHARACTERS: Final = 400_000
_RAW_CHARACTERS: Final = 40_000
_UNFOLDED_FIRST: Final = 2
_UNFOLDED_LAST: Final = 6
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

    labels: Labels
    model: str
    answered_by: str
    """The model as the response names it, when that is another name."""
    asked: tuple[Turn, ...]
    choices: tuple[Choice, ...]
    plain_answer: str
    """A response that is no JSON object, as it is."""
    error: str
    """The error object of the response."""
    usage: Usage
    stack: Stack
    tools: tuple[Tool, ...]
    parameters: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]
    base_url: str
    source: str
    sequence: int | None
    fields: Mapping[str, str]
    """The JSON text of each of the record's fields."""
    most: int | None
    """Characters shown of one text; None: all of them."""

    @property
    def raws(self) -> tuple[Raw, ...]:
        """The bodies that the record has."""
        most = None if self.most is None else _RAW_CHARACTERS
        return tuple(_raws(self.fields, most))

    @property
    def folded(self) -> range:
        """Which of the turns asked, by index, are folded away: the middle of a long conversation."""
        last = len(self.asked) - _UNFOLDED_LAST
        is_long = self.most is not None and last > 2 * _UNFOLDED_FIRST
        return range(_UNFOLDED_FIRST, last) if is_long else range(0)


def call_view(stored: Stored, *, whole: bool = False) -> CallView:
    """The view of a record; long texts are cut unless the ``whole`` is asked for."""
    values = shapes.values_of(stored)
    request, response = shapes.mapping(values.get("request")), values.get("response")
    model = shapes.name(request.get("model"))
    answered_by = shapes.name(shapes.mapping(response).get("model"))
    turns, choices = asked(request), answered(response)
    return CallView(
        labels=labels(stored.id, values),
        model=model or answered_by,
        answered_by=answered_by if model and answered_by != model else "",
        asked=turns,
        choices=choices,
        plain_answer=_plain_answer(response),
        error=_error(response),
        usage=usage_of(response),
        stack=stack_of(values.get("stacktrace")),
        tools=tuple(_tools(request)),
        parameters=_pairs(request, without=_SHOWN_APART),
        metadata=_pairs(shapes.mapping(values.get("metadata"))),
        base_url=shapes.name(values.get("base_url")),
        source=shapes.name(values.get("source")),
        sequence=shapes.whole(values.get("sequence")),
        fields=stored.fields,
        most=None if whole else bound((*turns, *(choice.turn for choice in choices))),
    )


def bound(turns: Sequence[Turn]) -> int:
    """How many characters of one text a page shows, so that many texts still make a page one can read."""
    texts = sum(len(turn.parts) + len(turn.calls) for turn in turns)
    return max(_PART_LEAST, min(_PART_CHARACTERS, _PAGE_CHARACTERS // max(texts, 1)))


def _plain_answer(response: Any) -> str:
    return "" if response is None or isinstance(response, dict) else shapes.as_text(response)


def _error(response: Any) -> str:
    error = shapes.mapping(response).get("error")
    message = shapes.text(shapes.mapping(error).get("message"))
    return message or (shapes.as_text(error) if error else "")


def _tools(request: Mapping[str, Any]) -> Iterator[Tool]:
    for name in ("tools", "functions"):
        for offered in shapes.sequence(request.get(name)):
            holder = shapes.mapping(offered)
            tool = shapes.mapping(holder.get("function")) or shapes.mapping(holder.get("custom")) or holder
            title = shapes.name(tool.get("name")) or shapes.name(holder.get("type"))
            yield Tool(title or "tool", shapes.text(tool.get("description")), shapes.as_text(offered))


def _pairs(holder: Mapping[str, Any], without: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    return tuple(
        (shapes.name(name), shapes.as_text(value)) for name, value in holder.items() if name not in without
    )


def _raws(fields: Mapping[str, str], most: int | None) -> Iterator[Raw]:
    for field, name in RAW.items():
        text = fields.get(field, "null")
        if text != "null":
            is_a_view = fields.get(f"native_{field}", "null") != "null"
            title = f"{name} in the form of a chat" if is_a_view else name
            shown = cut(text, most)
            yield Raw(field, title, indented(shown.text), shown.whole, shown.is_whole)
