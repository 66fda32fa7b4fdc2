"""The options that commands share, each written once.

A parameter of a command whose type is one of these dataclasses stands for all of its fields:
``expand_dataclass_options`` puts them in its place for the command line, and gives the command the dataclass.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from typing import Annotated, Any, cast, get_type_hints

import typer

from log10_trace.cli.files import open_for_reading
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.domain.times import parse_duration_ms


def expand_dataclass_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every dataclass parameter replaced by the dataclass's fields."""
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            parameters += _parameters_of(parameter.annotation)
        else:
            parameters.append(parameter)

    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        command(**given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    # Arguments first and options after, as a signature must have them.
    parameters.sort(key=lambda parameter: parameter.kind)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Which server is asked."""

    url: Annotated[str | None, typer.Option(help="The server.", show_default="LOG10_URL, or yours")] = None
    token: Annotated[str | None, typer.Option(help="Its key.", show_default="LOG10_TOKEN")] = None
    organization: Annotated[
        str | None, typer.Option(help="The organization.", show_default="LOG10_ORG_ID")
    ] = None

    def client(self) -> Log10:
        """A client of that server."""
        return Log10(log10_token=self.token, server_url=self.url, x_log10_organization=self.organization)


class TagMatch(str, Enum):
    """How many of the tags a call must have."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


class Status(str, Enum):
    """How far a call has come."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"


class Kind(str, Enum):
    """What was called."""

    CHAT = "chat"
    PROMPT = "prompt"


def parse_timestamp(value: str | None) -> str | None:
    """The moment that a user means, as RFC 3339; a day is its first moment.

    Raises:
        BadParameter: it is no moment.
    """
    return _rfc3339(value, day_ends=False)


def end(value: str | None) -> str | None:
    """The moment before which the user's span of time ends, as RFC 3339; a day belongs to the span.

    Raises:
        BadParameter: it is no moment.
    """
    return _rfc3339(value, day_ends=True)


def _rfc3339(value: str | None, *, day_ends: bool) -> str | None:
    if value is None:
        return None
    ago_ms = parse_duration_ms(value.strip())
    try:
        if ago_ms is not None:
            return (datetime.now(timezone.utc) - timedelta(milliseconds=ago_ms)).isoformat()
        named = _date_or_moment(value.strip())
        if not isinstance(named, datetime):
            named = datetime.combine(named + timedelta(days=1 if day_ends else 0), time())
        # A moment without a zone is the user's own time.
        return named.astimezone(timezone.utc).isoformat()
    except (ValueError, OverflowError):
        message = f"{value!r} is not a timestamp. Use 2026-01-31, 2026-01-31T12:00:00Z, or how long ago: 2h."
        raise typer.BadParameter(message) from None


def _date_or_moment(text: str) -> date:
    """A day, or a ``datetime``."""
    for read in (_day, date.fromisoformat):
        with suppress(ValueError):
            return read(text)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 -- a day has no zone


Since = Annotated[
    str | None,
    typer.Option("--since", "--from", help="Not before: 2h, 7d, 2026-01-31, ...", callback=parse_timestamp),
]
Until = Annotated[
    str | None,
    typer.Option("--until", "--to", help="Before; a day without a time is included.", callback=end),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionFilterOptions:
    """Which calls are meant."""

    tag: Annotated[
        list[str] | None, typer.Option("--tag", "--tags", help="With this tag; repeat it, or use commas.")
    ] = None
    tag_match: Annotated[TagMatch, typer.Option(help="With any, all or none of the tags.")] = TagMatch.ANY
    session: Annotated[str | None, typer.Option(help="Of this session.")] = None
    status: Annotated[Status | None, typer.Option(help="With this status.")] = None
    kind: Annotated[Kind | None, typer.Option(help="Of this kind.")] = None
    model: Annotated[str | None, typer.Option(help="To this model.")] = None
    failure: Annotated[str | None, typer.Option(help="With this exception class: RateLimitError, ...")] = None
    file: Annotated[str | None, typer.Option(help="From this source file.")] = None
    function: Annotated[str | None, typer.Option(help="From this function.")] = None
    since: Since = None
    until: Until = None
    min_duration: Annotated[float | None, typer.Option(help="At least this many seconds.", min=0)] = None
    max_duration: Annotated[float | None, typer.Option(help="Of so many seconds or fewer.", min=0)] = None
    min_tokens: Annotated[int | None, typer.Option(help="Of so many tokens or more.", min=0)] = None
    max_tokens: Annotated[int | None, typer.Option(help="At most this many tokens.", min=0)] = None

    def filters(self) -> Filters:
        """The same, for the client; what was not given is not in it."""
        tags = split_commas(self.tag)
        given = {
            "tag": tags or None,
            "tag_match": self.tag_match.value if tags else None,
            "session_id": self.session,
            "status": self.status.value if self.status else None,
            "kind": self.kind.value if self.kind else None,
            "model": self.model,
            "failure_kind": self.failure,
            "file": self.file,
            "function": self.function,
            "since": self.since,
            "until": self.until,
            "min_duration": self.min_duration,
            "max_duration": self.max_duration,
            "min_tokens": self.min_tokens,
            "max_tokens": self.max_tokens,
        }
        return cast("Filters", {name: value for name, value in given.items() if value is not None})


def split_commas(values: list[str] | None) -> list[str]:
    """Every value, also of those that were written together with commas."""
    return [part.strip() for value in values or () for part in value.split(",") if part.strip()]


def parse_json_option(text: str, what: str) -> Any:
    """The JSON that a user typed, or that stands in the file named after an ``@``.

    Raises:
        BadParameter: it is no JSON; the message names ``what`` it should have been.
        SetupError: the file cannot be read.
    """
    if text.startswith("@"):
        with open_for_reading(text[1:]) as file:
            content: str | bytes = file.read()
    else:
        content = text
    try:
        return json.loads(content)
    except ValueError as error:
        message = f"Invalid JSON ({error}). Give {what}, or @ and the name of a file that holds it."
        raise typer.BadParameter(message) from None


Json = Annotated[bool, typer.Option("--json", help="JSON for programs, one object a line.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
