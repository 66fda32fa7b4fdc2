"""A feedback task's schema as questions to a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from log10_trace.domain.times import utc_datetime
from log10_trace.models.components import FeedbackTask

_KEYS: Final = "123456789abcdefghijklmnoprtuvwxyz"
"""Keys for choices; s skips a call and q ends, so they are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One property of the schema."""

    name: str
    about: str
    required: bool
    choices: dict[str, Any] | None
    """Key -> value, when one key press is an answer."""
    kind: str
    """The JSON type of an answer that is typed."""

    def read(self, typed: str) -> Any:
        """The value that was typed.

        Raises:
            ValueError: it is none of this kind.
        """
        if self.kind == "integer":
            return int(typed)
        if self.kind == "number":
            return float(typed) if "." in typed or "e" in typed.lower() else int(typed)
        return typed


def form_fields(task: FeedbackTask) -> Iterator[FormField]:
    """The properties of the task's schema, in its order."""
    schema = _plain(task.json_schema)
    properties = schema.get("properties")
    required = schema.get("required")
    for name, given in (properties if isinstance(properties, dict) else {}).items():
        about = given if isinstance(given, dict) else {}
        kind = about.get("type")
        yield FormField(
            name=name,
            about=str(about.get("description") or ""),
            required=isinstance(required, list) and name in required,
            choices=_choices(about),
            kind=kind if isinstance(kind, str) else "string",
        )


def _plain(schema: Any) -> dict[str, Any]:
    if schema is None:
        return {}
    return dict(schema) if isinstance(schema, dict) else dict(schema.model_dump())


def _choices(about: dict[str, Any]) -> dict[str, Any] | None:
    values = about.get("enum")
    if isinstance(values, list) and 0 < len(values) <= len(_KEYS):
        return dict(zip(_KEYS, values, strict=False))
    if about.get("type") == "boolean":
        return {"y": True, "n": False}
    least, most = about.get("minimum"), about.get("maximum")
    if about.get("type") == "integer" and _is_digit(least) and _is_digit(most):
        return {str(digit): digit for digit in range(int(least or 0), int(most or 0) + 1)}
    return None


def _is_digit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9  # noqa: PLR2004 -- one key


def moment_of_ms(milliseconds: float | None) -> datetime | None:
    """The time of ``milliseconds`` since 1970."""
    return None if milliseconds is None else utc_datetime(milliseconds)
