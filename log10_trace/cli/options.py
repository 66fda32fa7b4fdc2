"""The options that commands share, each written once.

A parameter of a command whose type is an ``OptionGroup`` stands for all options of the group:
``expand_option_groups`` puts them in its place for the command line, and gives the command the group.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Annotated, Any, get_type_hints

import typer

from log10_trace.cli.files import open_for_reading
from log10_trace.client import Log10
from log10_trace.domain.typed_times import parse_typed_time


class OptionGroup:
    """Options that several commands share; a subclass that is a dataclass has one for each field."""

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """One keyword parameter for each option; the group is made with their values."""
        hints = get_type_hints(cls, include_extras=True)
        return [
            keyword_parameter(field.name, hints[field.name], field.default)
            for field in fields(cls)  # type: ignore[arg-type]  # the subclass is a dataclass
        ]


def keyword_parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """A parameter that the command line takes by its name."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def expand_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every ``OptionGroup`` parameter replaced by the group's options."""
    groups: dict[str, type[OptionGroup]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        annotation = parameter.annotation
        if isinstance(annotation, type) and issubclass(annotation, OptionGroup):
            groups[parameter.name] = annotation
            parameters += annotation.parameters()
        else:
            parameters.append(parameter)

    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{option.name: given.pop(option.name) for option in group.parameters()})
        command(**given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    # Arguments first and options after, as a signature must have them.
    parameters.sort(key=lambda parameter: parameter.kind)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(OptionGroup):
    """Which server is asked."""

    url: Annotated[
        str | None, typer.Option(help="URL of the server.", show_default="LOG10_URL, or yours")
    ] = None
    token: Annotated[str | None, typer.Option(help="API key of the server.", show_default="LOG10_TOKEN")] = (
        None
    )
    organization: Annotated[
        str | None, typer.Option(help="Organization of the records.", show_default="LOG10_ORG_ID")
    ] = None

    def client(self) -> Log10:
        """A client of that server."""
        return Log10(log10_token=self.token, server_url=self.url, x_log10_organization=self.organization)


def parse_timestamp(value: str | None) -> str | None:
    """The moment that a user means, as RFC 3339; a day is its first moment.

    Raises:
        BadParameter: it is not a time.
    """
    return _rfc3339(value, ends=False)


def end(value: str | None) -> str | None:
    """The moment before which the user's span of time ends, as RFC 3339; a day belongs to the span.

    Raises:
        BadParameter: it is not a time.
    """
    return _rfc3339(value, ends=True)


def _rfc3339(value: str | None, *, ends: bool) -> str | None:
    if value is None:
        return None
    try:
        return parse_typed_time(value, datetime.now(timezone.utc), ends=ends).isoformat()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        "--from",
        help="Earliest time: 2h, 7d, today, yesterday, monday, 2026-01-31, ...",
        callback=parse_timestamp,
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", "--to", help="Latest time; a day without a time is included.", callback=end),
]


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


Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="Maximum number.", min=1)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
