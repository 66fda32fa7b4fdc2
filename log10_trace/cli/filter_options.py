"""The options that say which calls are meant: one for each row of the filter table that has an option."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Final, cast

import typer

from log10_trace.cli.options import OptionGroup, Since, Until, keyword_parameter, split_commas
from log10_trace.client.filters import Filters
from log10_trace.domain.filters import FILTERS, Filter, FilterType

_TYPES: Final[Mapping[FilterType, Any]] = {
    "labels": list[str],
    "pairs": list[str],
    "label": str,
    "seconds": float,
    "count": int,
    "search": str,
}
_TIMES: Final[Mapping[FilterType, Any]] = {"start": Since, "end": Until}
_NOTES: Final[Mapping[FilterType, str]] = {
    "labels": " Repeatable, or separated by commas.",
    "pairs": " Repeatable.",
}
_PAIRS: Final = frozenset(row.name for row in FILTERS if row.type == "pairs")
"""Options that may be repeated and whose values may hold commas."""


class CompletionFilterOptions(OptionGroup):
    """Which calls are meant."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """One keyword parameter for each filter that has an option, by the filter's name."""
        return [_parameter(row) for row in FILTERS if row.options]

    def filters(self) -> Filters:
        """The same, for the client; what was not given is not in it."""
        given = {
            name: value if name in _PAIRS else _client_value(value) for name, value in self._values.items()
        }
        if not given["tag"]:
            given["tag_match"] = None
        return cast("Filters", {name: value for name, value in given.items() if value not in (None, [])})


def _parameter(row: Filter) -> inspect.Parameter:
    if row.type in _TIMES:
        return keyword_parameter(row.name, _TIMES[row.type], None)
    choice: Any = Enum(row.name, {value: value for value in row.values}, type=str) if row.choices else None
    option = typer.Option(
        *row.options,
        help=row.help + _NOTES.get(row.type, ""),
        min=0 if row.type in ("seconds", "count") else None,
    )
    default = choice(row.default) if row.default is not None else None
    return keyword_parameter(row.name, Annotated[(choice or _TYPES[row.type]) | None, option], default)


def _client_value(value: Any) -> Any:
    if isinstance(value, list):
        return split_commas(value)
    return value.value if isinstance(value, Enum) else value
