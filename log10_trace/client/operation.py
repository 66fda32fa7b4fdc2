"""An operation of the API: its request, and the parser of its response. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Generic, TypeAlias, TypeVar

from log10_trace.client.http_library import httpx
from log10_trace.domain.path_segments import write_segment
from log10_trace.errors import ArgumentError
from log10_trace.models.base import Model, write_json
from log10_trace.models.operations import Response

Result = TypeVar("Result")
Item = TypeVar("Item")
Answer = TypeVar("Answer", bound=Response)

Parameter: TypeAlias = "str | int | float | datetime | Sequence[str] | None"
Body: TypeAlias = "Model | Mapping[str, Any] | str | bytes"
"""Something to send: a model, a map, or JSON text, which is sent as it is."""

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Result]):
    """One operation of the API with its arguments filled in."""

    method: str
    path: str
    """Below ``/api/v1``."""
    read: Callable[[httpx.Response], Result]
    """Makes the result of a successful answer; raises ValueError when it cannot."""
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    organization: str | None = None
    """Stands in for the client's own organization."""
    idempotent: bool = True
    """Whether doing it twice is as good as once, so that it may be tried again."""

    def replace_query(self, **parameters: Parameter) -> Operation[Result]:
        """The same operation with these query parameters instead of its own of the same names."""
        kept = tuple(pair for pair in self.query if pair[0] not in parameters)
        return replace(self, query=kept + query(parameters))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """One page of a list, and where the next one begins."""

    items: list[Item]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Item]):
    """A list that is read page by page."""

    operation: Operation[Page[Item]]
    """Gives the next page."""
    remaining: int | None = None
    """How many items are still wanted; none for all."""

    @classmethod
    def limit_to(cls, limit: int | None, operation: Operation[Page[Item]]) -> Listing[Item]:
        """The whole list, or its first ``limit`` items."""
        size = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
        return cls(operation=operation.replace_query(limit=size), remaining=limit)

    def next_page(self, page: Page[Item]) -> Listing[Item] | None:
        """What is left once ``page`` was read; none at the end."""
        remaining = None if self.remaining is None else self.remaining - len(page.items)
        if page.next_cursor is None or (remaining is not None and remaining <= 0):
            return None
        return Listing.limit_to(remaining, self.operation.replace_query(cursor=page.next_cursor))


def query(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The given parameters as a query string; a list is repeated, a map is a list of ``KEY=VALUE``.

    Raises:
        ArgumentError: one holds half a character.
    """
    return tuple(
        (name, _check_text(name, _as_text(item)))
        for name, value in parameters.items()
        if value is not None
        for item in _items(value)
    )


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return [f"{key}={_as_text(item)}" for key, item in value.items()]
    return value if isinstance(value, list | tuple) else (value,)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        # A time without a zone is the user's own; the API wants to know which moment is meant.
        return value.astimezone(timezone.utc).isoformat()
    return str(value)


def path_segment(identifier: str) -> str:
    """An id as one part of a path.

    Raises:
        ArgumentError: it is empty, which would name another operation, or holds half a character.
    """
    if not identifier:
        message = "The id '' cannot be used: the id is empty."
        raise ArgumentError(message)
    return write_segment(_check_text("id", identifier))


def _check_text(name: str, text: str) -> str:
    """The text, which has to go into a URL. In a file's name or an argument, bytes may be no characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        message = f"The {name} {text!r} cannot be sent: it holds an unpaired surrogate."
        raise ArgumentError(message) from None
    return text


def as_json(body: Body) -> bytes:
    """The body as JSON bytes; text and bytes are taken for JSON and not touched.

    Raises:
        ValueError: it holds NaN or Infinity.
    """
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else write_json(body)).encode()


def response_parser(answer: type[Answer], **body: type[Model]) -> Callable[[httpx.Response], Answer]:
    """A reader for ``answer``; the body makes the one field that is named, by the model that is given."""

    def read(response: httpx.Response) -> Answer:
        fields = {name: model.from_json(response.content) for name, model in body.items()}
        return answer(status_code=response.status_code, raw_response=response, **fields)

    return read
