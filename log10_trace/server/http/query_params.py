"""Query parameters, read by name from a closed table; each mistake names its parameter."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from starlette.datastructures import QueryParams

from log10_trace.domain import times
from log10_trace.domain.labels import is_label
from log10_trace.domain.metadata import is_key
from log10_trace.server.http.api_errors import unprocessable

MAX_CHARS: Final = 4096
MAX_REPEATS: Final = 50
"""How often one parameter may be given; the work of a query grows with it."""
MAX_OFFSET: Final = 100_000
"""Beyond it a list is walked by cursor, or by time."""

_LARGEST: Final = 2**53

Choice = TypeVar("Choice", bound=str)


class RequestParams:
    """The parameters of one request.

    Raises:
        ApiError: 422 for a name that is not ``known`` or is repeated too often, and for a value with control
            characters in it.
    """

    def __init__(self, params: QueryParams, known: Iterable[str]) -> None:
        allowed = {*known, "organization_id"}
        given = params.multi_items()
        for name, repeats in Counter(name for name, _ in given).items():
            if repeats > MAX_REPEATS:
                raise unprocessable(name, f"It may be given at most {MAX_REPEATS} times.")
        for name, value in given:
            if name not in allowed:
                raise unprocessable(name, "Unknown parameter.")
            if not is_label(value, max_chars=MAX_CHARS):
                raise unprocessable(
                    name, f"Must be at most {MAX_CHARS} characters, without control characters."
                )
        self._params = params

    def text(self, name: str) -> str | None:
        """The value; none when it is not given or empty.

        Raises:
            ApiError: 422, several values are given: taking one of them would not be what was asked for.
        """
        values = set(self.values(name))
        if len(values) > 1:
            raise unprocessable(name, "It takes one value, and may be given once.")
        return values.pop() if values else None

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be repeated."""
        return tuple(value for value in self._params.getlist(name) if value)

    def pairs(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter whose values are ``KEY=VALUE``."""
        values = self.values(name)
        for value in values:
            if not is_key(value.partition("=")[0]) or "=" not in value:
                raise unprocessable(name, "It must be KEY=VALUE, such as user_id=42.")
        return values

    def choice(self, name: str, choices: Sequence[Choice], default: Choice) -> Choice:
        """One of ``choices``."""
        value = self.text(name)
        for choice in choices:
            if value == choice:
                return choice
        if value is None:
            return default
        raise unprocessable(name, f"It must be one of: {', '.join(choices)}.")

    def integer(self, name: str, *, least: int = 0, most: int = _LARGEST) -> int | None:
        """A whole number from ``least`` to ``most``."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,16}", value, re.ASCII) or not least <= int(value) <= most:
            raise unprocessable(name, f"It must be a whole number from {least} to {most}.")
        return int(value)

    def offset(self) -> int:
        """The number of results to skip; 0 without one."""
        return self.integer("offset", most=MAX_OFFSET) or 0

    def number(self, name: str) -> float | None:
        """A number, zero or more."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number <= _LARGEST:
            raise unprocessable(name, "It must be a number, zero or more.")
        return number

    def timestamp_ms(self, name: str, now_ms: int) -> int | None:
        """A timestamp: RFC 3339, or a relative time such as ``90s``, ``15m``, ``2h``, ``7d``, ``4w``."""
        value = self.text(name)
        return None if value is None else timestamp_ms(name, value, now_ms)

    def end_ms(self, name: str, now_ms: int) -> int | None:
        """The same, for the end of a span of time, which a day without a time is in whole."""
        value = self.text(name)
        return None if value is None else end_ms(name, value, now_ms)


def end_ms(name: str, value: str, now_ms: int) -> int:
    """The milliseconds since 1970 before which a span ends; a day without a time belongs to it.

    Raises:
        ApiError: 422, naming the parameter ``name``.
    """
    return timestamp_ms(name, value, now_ms) + (times.DAY_MS if times.is_day(value) else 0)


def timestamp_ms(name: str, value: str, now_ms: int) -> int:
    """The milliseconds since 1970 that ``value`` stands for; what names no zone is UTC.

    Raises:
        ApiError: 422, naming the parameter ``name``.
    """
    ms = times.parse_timestamp_ms(value, now_ms)
    if ms is None:
        message = "Must be a timestamp such as 2026-01-31T12:00:00Z, or a relative time such as 2h."
        raise unprocessable(name, message)
    return ms
