"""The arguments of tools: what the JSON Schema says of each, and how its value is read.

The filters come from the table of the filters of lists, so that a tool takes what the command line takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, cast

from log10_trace.client.filters import Filters
from log10_trace.domain.filters import FILTER_NAMES, FILTERS, Filter, FilterType
from log10_trace.domain.hidden_characters import escape_hidden_characters
from log10_trace.domain.times import rfc3339
from log10_trace.domain.typed_times import parse_typed_time
from log10_trace.errors import ArgumentError

_MAX_TEXT: Final = 1_000
_SHOWN: Final = 100
"""Characters of a value that an error repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a tool."""

    name: str
    schema: Mapping[str, Any]
    read: Callable[[Any], Any]
    """The value that the tool works with; raises ValueError with a sentence."""
    is_required: bool = False
    default: Any = None


def input_schema(arguments: Sequence[Argument]) -> dict[str, Any]:
    """The JSON Schema of the arguments of a tool."""
    return {
        "type": "object",
        "properties": {argument.name: dict(argument.schema) for argument in arguments},
        "required": [argument.name for argument in arguments if argument.is_required],
        "additionalProperties": False,
    }


def read_arguments(arguments: Sequence[Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all arguments; those that were not given, or as null, have their defaults.

    Raises:
        ArgumentError: one is unknown, missing, or cannot be used.
    """
    known = {argument.name: argument for argument in arguments}
    for name in given:
        if name not in known:
            message = f"There is no argument {_show(name)}. There are: {', '.join(known)}."
            raise ArgumentError(message)
    return {name: _read_argument(argument, given.get(name)) for name, argument in known.items()}


def _read_argument(argument: Argument, value: Any) -> Any:
    if value is None:
        if argument.is_required:
            message = f"The argument {argument.name} is missing."
            raise ArgumentError(message)
        return argument.default
    try:
        return argument.read(value)
    except ValueError as error:
        message = f"{argument.name}={_show(value)} cannot be used: {error}"
        raise ArgumentError(message) from None


def _show(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    shown = escape_hidden_characters(text[:_SHOWN]).replace("\n", " ")
    return f"'{shown}{'...' if len(text) > _SHOWN else ''}'"


def read_text(value: Any) -> str:
    """Text that is not empty, nor longer than a question is."""
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT:
        message = f"It must be text of 1 to {_MAX_TEXT:,} characters."
        raise ValueError(message)
    return value


def choice(values: Sequence[str]) -> Callable[[Any], str]:
    """A reader of one of the values."""

    def read(value: Any) -> str:
        if value not in values:
            message = f"It must be one of {', '.join(values)}."
            raise ValueError(message)
        return str(value)

    return read


def whole_number(least: int, most: int) -> Callable[[Any], int]:
    """A reader of a number from ``least`` to ``most``; also of its digits as text."""

    def read(value: Any) -> int:
        digits = value.strip() if isinstance(value, str) else value
        if isinstance(digits, str) and digits.isascii() and digits.isdecimal() and len(digits) < _MAX_DIGITS:
            digits = int(digits)
        if isinstance(digits, float) and digits.is_integer():
            digits = int(digits)
        if isinstance(digits, bool) or not isinstance(digits, int) or not least <= digits <= most:
            message = f"It must be a whole number from {least} to {most}."
            raise ValueError(message)
        return digits

    return read


_MAX_DIGITS: Final = 16
_MAX_COUNT: Final = 10**15


def _read_seconds(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < _MAX_COUNT:
        message = "It must be a number of seconds, 0 or more."
        raise ValueError(message)
    return number


def _read_labels(value: Any) -> list[str]:
    labels = value if isinstance(value, list) else [value]
    return [read_text(label) for label in labels]


def _read_pairs(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        pairs = value.items()
        if all(isinstance(item, str | int | float) for _, item in pairs):
            return [f"{key}={_write_scalar(item)}" for key, item in pairs]
    pairs_given = [value] if isinstance(value, str) else value
    if isinstance(pairs_given, list) and all(isinstance(pair, str) and "=" in pair for pair in pairs_given):
        return pairs_given
    message = 'It must be an object of keys and values, such as {"user_id": "42"}.'
    raise ValueError(message)


def _write_scalar(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _time_reader(*, ends: bool) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        moment = parse_typed_time(read_text(value), datetime.now(timezone.utc), ends=ends)
        return rfc3339(round(moment.timestamp() * 1000))

    return read


_TIMES: Final = "2h, 7d, today, yesterday, monday, 2026-01-31, or 2026-01-31T12:00:00Z"
_SCHEMAS: Final[Mapping[FilterType, Mapping[str, Any]]] = {
    "labels": {"type": "array", "items": {"type": "string"}},
    "pairs": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "label": {"type": "string"},
    "choice": {"type": "string"},
    "start": {"type": "string"},
    "end": {"type": "string"},
    "seconds": {"type": "number", "minimum": 0},
    "count": {"type": "integer", "minimum": 0},
    "search": {"type": "string"},
}
_READERS: Final[Mapping[FilterType, Callable[[Any], Any]]] = {
    "labels": _read_labels,
    "pairs": _read_pairs,
    "label": read_text,
    "start": _time_reader(ends=False),
    "end": _time_reader(ends=True),
    "seconds": _read_seconds,
    "count": whole_number(0, _MAX_COUNT),
    "search": read_text,
}


def _filter_argument(row: Filter) -> Argument:
    help_text = {"start": f"{row.help} {_TIMES}.", "pairs": "Metadata that the call must have, all of it."}
    schema = {**_SCHEMAS[row.type], "description": help_text.get(row.type, row.help)}
    if row.type == "choice":
        return Argument(name=row.name, schema={**schema, "enum": list(row.values)}, read=choice(row.values))
    return Argument(name=row.name, schema=schema, read=_READERS[row.type])


FILTER_ARGUMENTS: Final = tuple(map(_filter_argument, FILTERS))
MIN_CHARACTERS: Final = 4_000
MAX_CHARACTERS: Final = 100_000
DEFAULT_CHARACTERS: Final = 20_000
SIZE_ARGUMENT: Final = Argument(
    name="max_characters",
    schema={
        "type": "integer",
        "minimum": MIN_CHARACTERS,
        "maximum": MAX_CHARACTERS,
        "description": "Largest size of the answer. Longer texts are cut where the answer says so.",
    },
    read=whole_number(MIN_CHARACTERS, MAX_CHARACTERS),
)


def limit_argument(default: int, most: int, things: str) -> Argument:
    """The argument ``limit``: how many things an answer lists."""
    return Argument(
        name="limit",
        schema={
            "type": "integer",
            "minimum": 1,
            "maximum": most,
            "default": default,
            "description": f"How many {things} at most.",
        },
        read=whole_number(1, most),
        default=default,
    )


def select_filters(given: Mapping[str, Any]) -> Filters:
    """Those of the values that are filters of the client, without absent ones."""
    filters = {name: given[name] for name in FILTER_NAMES if given.get(name) is not None}
    if not filters.get("tag"):
        filters.pop("tag_match", None)
    return cast("Filters", filters)
