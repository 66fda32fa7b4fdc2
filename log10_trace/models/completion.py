"""The record: ``Completion``, one call of the OpenAI SDK from beginning to end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Discriminator, GetPydanticSchema, Tag, ValidationError
from pydantic_core import core_schema

from log10_trace.domain import call_labels
from log10_trace.models.base import Json, Model, Number, OpenEnum, OpenEnumField
from log10_trace.models.chat_request import CreateChatCompletionRequest
from log10_trace.models.chat_response import CreateChatCompletionResponse
from log10_trace.models.text_completion import (
    CreateCompletionRequest,
    CreateCompletionResponse,
    CreateCompletionResponseObject,
)

if TYPE_CHECKING:
    from typing_extensions import Self

Moment = Annotated[datetime, GetPydanticSchema(lambda *_: core_schema.datetime_schema())]
"""A ``datetime``. A test that freezes the clock puts another class in its place, unknown to pydantic."""


class Kind(OpenEnum):
    """What was called: ``chat`` for chat completions and responses, ``prompt`` for text completions."""

    CHAT = call_labels.CHAT
    PROMPT = call_labels.PROMPT


class Status(OpenEnum):
    """How far a call has come: ``started``, then ``finished`` or ``failed``, exactly once."""

    STARTED = call_labels.STARTED
    FINISHED = call_labels.FINISHED
    FAILED = call_labels.FAILED


class Stacktrace(Model):
    """One frame of the stack at the moment of the call."""

    file: str
    line: str
    """The source text of the line, empty when there is none to be had."""
    lineno: int
    name: str
    """The function's name."""
    origin: str | None = None
    """Of the last frame, where a framework made the call in a task or thread of its own: ``await``, ``loop``,
    ``thread`` or ``scope``, as this line waits for that task, runs its event loop, started the thread, or
    opened the session or the tags. None where the line makes the call."""


def _request_shape(value: Any) -> str:
    if isinstance(value, CreateCompletionRequest):
        return "prompt"
    if isinstance(value, CreateChatCompletionRequest):
        return "chat"
    if not isinstance(value, dict):
        return "json"
    return "prompt" if call_labels.is_text_request(value) else "chat"


def _response_shape(value: Any) -> str:
    if isinstance(value, CreateCompletionResponse):
        return "prompt"
    if isinstance(value, CreateChatCompletionResponse):
        return "chat"
    if not isinstance(value, dict):
        return "json"
    is_text = value.get("object") == CreateCompletionResponseObject.TEXT_COMPLETION
    return "prompt" if is_text else "chat"


Request = Annotated[
    Annotated[CreateChatCompletionRequest, Tag("chat")]
    | Annotated[CreateCompletionRequest, Tag("prompt")]
    | Annotated[Any, Tag("json")],
    Discriminator(_request_shape),
]

Response = Annotated[
    Annotated[CreateChatCompletionResponse, Tag("chat")]
    | Annotated[CreateCompletionResponse, Tag("prompt")]
    | Annotated[Any, Tag("json")],
    Discriminator(_response_shape),
]


_UNCHECKED: Final = (
    "stacktrace",
    "created_at",
    "time_to_first_token",
    "base_url",
    "retries",
    "interrupted",
    "metadata",
    "sequence",
    "trace_id",
    "span_id",
    "via",
    "traced_by",
    "raw_request",
    "raw_response",
    "raw_events",
)
"""Fields of a record in which the API keeps values of any type."""
_INT_DIGITS: Final = 4_300
"""Python converts at most this number of digits."""


def _is_at_fault(name: str, error: ValidationError) -> bool:
    return any(fault["loc"][:1] == (name,) for fault in error.errors(include_url=False))


def _any_int(digits: str) -> int | float:
    return int(digits) if len(digits) < _INT_DIGITS else float(digits)


class Completion(Model):
    """One call of the OpenAI SDK.

    The first twelve fields are the completions API's, the others are extensions that no reader needs.
    """

    id: str | None = None
    """UUIDv7 made by the caller's process; the server makes one when it is absent."""
    organization_id: str | None = None
    kind: OpenEnumField[Kind] = None
    status: OpenEnumField[Status] = None
    tags: list[str] | None = None
    request: Request | None = None
    """The JSON body that was sent."""
    response: Response | None = None
    """The JSON body received; for a stream the object made of its events. A body that is not JSON stands here
    as a string."""
    stacktrace: list[Stacktrace] | None = None
    """Outermost frame first, ending at the user's own line."""
    session_id: str | None = None
    duration: Number | None = None
    """Seconds from the call to the last byte of the response, the SDK's retries included."""
    failure_kind: str | None = None
    """The class name of the exception that the call ended with; of a failure that the provider reports in a
    body with a good HTTP status the type, code or status that it names."""
    failure_reason: str | None = None

    created_at: Moment | str | None = None
    """When the call began; UTC, RFC 3339."""
    time_to_first_token: Number | None = None
    """Seconds from the start of the call to the first data of a stream."""
    endpoint: str | None = None
    """The path of the call without its query: ``/chat/completions``, ``/completions``, ``/responses``."""
    base_url: str | None = None
    request_id: str | None = None
    """The provider's own id of the request."""
    retries: int | None = None
    """Number of retries by the SDK."""
    interrupted: bool | None = None
    """True when a stream ended, or the program left it, before its answer was whole."""
    metadata: dict[str, Json] | None = None
    """Flat map of the user's metadata."""
    content_omitted: str | None = None
    """``all`` when the program keeps no contents, ``large`` when parts of them were too large to keep."""
    source: str | None = None
    """The process that made the record."""
    sequence: int | None = None
    """1, 2, 3, ... within ``source``."""
    trace_id: str | None = None
    """Of the OpenTelemetry span that was current when the call began: 32 hexadecimal digits."""
    span_id: str | None = None
    """The id of that span: 16 hexadecimal digits."""
    via: str | None = None
    """``proxy`` where ``log10-trace proxy`` has recorded the call, which knows no call site."""
    traced_by: str | None = None
    """The instrumentation whose span of this very call that is; None where it is a span of something else."""
    native_request: Any = None
    """A ``responses`` call's own request; ``request`` then holds its chat-shaped view."""
    native_response: Any = None
    """A ``responses`` call's own response; ``response`` then holds its chat-shaped view."""
    raw_request: str | None = None
    """The body that was sent as it was, where it is no strict JSON: it has NaN or Infinity, which stand in
    the request as strings with their names, or is not in UTF-8."""
    raw_response: str | None = None
    """The same of the body that came back."""
    raw_events: list[Json] | None = None
    """The events of a stream, where the response cannot hold all that was in them: the first megabyte."""

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """The record that the API returned.

        The API also keeps values whose type it does not check. One of another type than the field's stands in
        ``model_extra``, so that one odd record does not make a list unreadable.

        Raises:
            ValueError: it is not this model for another reason.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            odd = {name: fields[name] for name in _UNCHECKED if _is_at_fault(name, error)}
            if not odd:
                raise
        typed = cls.model_validate({name: value for name, value in fields.items() if name not in odd})
        if typed.model_extra is not None:  # it never is: models take unknown fields
            typed.model_extra.update(odd)
        return typed

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The record that the JSON text holds, as ``read`` reads it; integers of any size are kept.

        Raises:
            ValueError: it is not JSON, or not this model.
        """
        return cls.read(json.loads(text, parse_int=_any_int))

    def _repr_html_(self) -> str | None:
        """What a notebook shows; None, for which it shows the ``repr``, where a value is nothing for JSON."""
        # Imported when a notebook asks: no other reader of records needs prices and conversations.
        from log10_trace.domain.call_html import write_html  # noqa: PLC0415

        try:
            values = json.loads(self.to_json(), parse_int=_any_int)
        except (TypeError, ValueError):
            return None
        return write_html(values)


class Preview(Model):
    """The beginnings of the last message of a user, of what a tool answered after it, and of the answer."""

    request: str | None = None
    tool: str | None = None
    response: str | None = None


class TokenCount(Model):
    """The tokens of a call; none where the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class CallSite(Model):
    """The line of the program that made a call."""

    file: str
    line: int | None = None
    function: str | None = None


class Match(Model):
    """A passage of a request or a response where words of a search occur."""

    field: str
    """``request`` or ``response``."""
    text: str
    """On one line; an ellipsis stands for what was left out."""
    ranges: list[list[int]]
    """The words in the text: the first character of each, and the one behind its last; in order."""


class CompletionSummary(Completion):
    """A completion as it stands in a list: its small fields, and what a list needs of its bodies."""

    model: str | None = None
    usage: TokenCount | None = None
    cost: float | None = None
    """US dollars; None when the call has no price."""
    preview: Preview | None = None
    call_site: CallSite | None = None
    matches: list[Match] | None = None
    """Of a search: where its words occur, the passage with more of them first."""
