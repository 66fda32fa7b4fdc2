"""The facts of a call that are compared: status, model, time, tokens, cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from log10_trace.domain import formatting
from log10_trace.domain.call_labels import describe_status, determine_status
from log10_trace.domain.call_times import read_began_ms, read_seconds
from log10_trace.domain.charges import Usage
from log10_trace.domain.conversation import list_choices, read_choice
from log10_trace.domain.json_values import read_list, read_mapping, read_text

Unit = Literal["", "seconds", "dollars", "tokens"]
Value: TypeAlias = str | int | float | None

_NAME_CHARACTERS: Final = 300
_MAX_FINISHES: Final = 8
_MAX_TAGS: Final = 50
_MAX_RATIO: Final = 10


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of both calls; None where it is not known."""

    name: str
    a: Value
    b: Value
    unit: Unit = ""

    @property
    def is_equal(self) -> bool:
        """Whether both calls have the same value."""
        return self.a == self.b

    @property
    def text_a(self) -> str:
        """The value of the one call, for people."""
        return _format(self.a, self.unit)

    @property
    def text_b(self) -> str:
        """The value of the other call, for people."""
        return _format(self.b, self.unit)

    @property
    def change(self) -> str:
        """How much more or less the other is: ``+1.2 s (+50 %)``; empty for what is no amount."""
        if not self.unit or not isinstance(self.a, int | float) or not isinstance(self.b, int | float):
            return ""
        if self.a == self.b:
            return ""
        sign = "+" if self.b > self.a else "−"  # noqa: RUF001 -- the sign, as wide as a plus
        amount = f"{sign}{_format(abs(self.b - self.a), self.unit)}"
        ratio = self.b / self.a if self.a else 0
        if not ratio:
            return amount
        if ratio >= _MAX_RATIO:
            return f"{amount} (x{ratio:.0f})"
        return f"{amount} ({sign}{abs(ratio - 1) * 100:.0f} %)"


def list_facts(values: Mapping[str, Any], usage: Usage, cost: float | None) -> dict[tuple[str, Unit], Value]:
    """The facts of a call by name and unit, in the order in which they are shown.

    Args:
        values: The fields of the record.
        usage: The tokens that its response states.
        cost: US dollars; None when it is not known.
    """
    request, response = read_mapping(values.get("request")), read_mapping(values.get("response"))
    finishes = [read_choice(choice).finish_reason for choice in list_choices(response)[:_MAX_FINISHES]]
    began_ms = read_began_ms(read_text(values.get("id")), values.get("created_at"))
    tags = [tag for tag in read_list(values.get("tags"))[:_MAX_TAGS] if isinstance(tag, str)]
    return {
        ("status", ""): _name(
            describe_status(determine_status(values), interrupted=values.get("interrupted") is True)
        ),
        ("model", ""): _name(request.get("model")),
        ("answered by", ""): _name(response.get("model")),
        ("finish reason", ""): _name(", ".join(filter(None, finishes))),
        ("duration", "seconds"): read_seconds(values.get("duration")),
        ("time to first token", "seconds"): read_seconds(values.get("time_to_first_token")),
        ("input tokens", "tokens"): usage.input,
        ("cached tokens", "tokens"): usage.cached or None,
        ("output tokens", "tokens"): usage.output,
        ("reasoning tokens", "tokens"): usage.reasoning or None,
        ("cost", "dollars"): cost,
        ("began", ""): None if began_ms is None else formatting.clock(began_ms),
        ("call site", ""): _name(_call_site(values.get("stacktrace"))),
        ("tags", ""): _name(", ".join(tags)),
        ("session", ""): _name(values.get("session_id")),
        ("endpoint", ""): _name(values.get("endpoint")),
        ("provider", ""): _name(values.get("base_url")),
    }


def pair_facts(a: Mapping[tuple[str, Unit], Value], b: Mapping[tuple[str, Unit], Value]) -> tuple[Fact, ...]:
    """The facts that at least one of two calls has."""
    return tuple(
        Fact(name, value, b[name, unit], unit)
        for (name, unit), value in a.items()
        if value is not None or b[name, unit] is not None
    )


def _call_site(stack: Any) -> str:
    frames = read_list(stack)
    site = read_mapping(frames[-1]) if frames else {}
    place = f"{read_text(site.get('file'))}:{site.get('lineno')}" if site.get("file") else ""
    name = read_text(site.get("name"))
    return f"{place} in {name}" if place and name else place


def _name(value: Any) -> str | None:
    text = read_text(value)
    return (text if len(text) <= _NAME_CHARACTERS else f"{text[:_NAME_CHARACTERS]}…") or None


def _format(value: Value, unit: Unit) -> str:
    if value is None or isinstance(value, str):
        return value or formatting.UNKNOWN
    if unit == "seconds":
        return formatting.duration(value)
    return formatting.dollars(value) if unit == "dollars" else formatting.count(int(value))
