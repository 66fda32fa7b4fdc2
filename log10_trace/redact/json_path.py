"""JSON paths: which fields of a record a redactor replaces. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from log10_trace.models.components import Completion
from log10_trace.redact.embedded_json import edit_embedded
from log10_trace.redact.record_contents import BODIES, CONTENT_FIELDS, map_fields
from log10_trace.redact.redactors import Redactor

_STEP: Final = re.compile(
    r"(?P<dots>\.\.?)(?:(?P<name>[^\W\d][\w-]*)|(?P<wild>\*))"
    r"|(?P<deep>\.\.)?\[(?:(?P<index>-?\d{1,9})|(?P<all>\*)|'(?P<single>[^'\]]+)'|\"(?P<double>[^\"\]]+)\")\]"
)


class _Step(NamedTuple):
    """One step down from an object or array."""

    name: str | int | None
    """The name of a field, the index of an item, or None for every one of them."""
    is_deep: bool
    """Whether any number of other steps may come before it: ``..``."""


def path(expression: str, replacement: str = "[redacted]") -> Redactor:
    """A redactor that replaces every value that a JSON path leads to.

    ``$`` is the record, and each of its bodies as well: ``$.messages[*].content`` and
    ``$.request.messages[*].content`` say the same of a request. Steps are ``.name``, ``['name']``, ``[0]``,
    ``[-1]``, ``[*]``, ``.*``, and ``..name`` for a field however deep it stands. A path also leads into a
    text that is JSON, as the arguments of a tool call are: ``$..arguments.address``.

    Raises:
        ValueError: it is not such a path; the message says where it ends to be one.
    """
    return PathRedactor(expression, tuple(_parse(expression)), replacement)


def _parse(expression: str) -> Iterator[_Step]:
    if not isinstance(expression, str) or not expression.startswith("$"):
        raise ValueError(f"path {expression!r} does not begin with $, as $.messages[*].content does")
    at = 1
    while at < len(expression):
        match = _STEP.match(expression, at)
        if match is None:
            raise ValueError(
                f"path {expression!r} cannot be read from {expression[at:]!r} on: steps are .name, ['name'], "
                "[0], [*], .* and ..name"
            )
        at = match.end()
        name = match["name"] or match["single"] or match["double"]
        is_deep = match["dots"] == ".." or match["deep"] is not None
        yield _Step(int(match["index"]) if match["index"] else name, is_deep)
    if at == 1:
        raise ValueError("path '$' is the whole record; name a field of it, as $.messages[*].content does")


_START: Final = frozenset((0,))


@dataclass(frozen=True)
class PathRedactor:
    """Replaces the values that a path leads to."""

    expression: str
    steps: tuple[_Step, ...]
    replacement: str

    def __call__(self, completion: Completion) -> Completion:
        """The record with these values replaced."""
        mapped = map_fields(completion, lambda value: self._edit(value, _START), BODIES)
        record = mapped.model_dump(warnings=False)
        contents = {name: record[name] for name in CONTENT_FIELDS if record.get(name) is not None}
        changed = self._edit(contents, _START)
        if not isinstance(changed.get("metadata", {}), dict):
            changed["metadata"] = dict.fromkeys(contents["metadata"], self.replacement)
        return Completion.model_validate(record | changed)

    def _edit(self, value: Any, places: frozenset[int]) -> Any:
        """The value with what the path leads to replaced; ``places`` are the steps that may come next."""
        if isinstance(value, dict):
            return {name: self._edit_item(item, name, None, places) for name, item in value.items()}
        if isinstance(value, list):
            count = len(value)
            return [self._edit_item(item, at, at - count, places) for at, item in enumerate(value)]
        if isinstance(value, str):
            return edit_embedded(value, lambda inner: self._edit(inner, places))
        return value

    def _edit_item(self, item: Any, name: str | int, from_end: int | None, places: frozenset[int]) -> Any:
        following = set()
        for place in places:
            step = self.steps[place]
            if step.is_deep:
                following.add(place)
            if step.name is None or (step.name in (name, from_end)):
                following.add(place + 1)
        if len(self.steps) in following:
            return self.replacement
        return self._edit(item, frozenset(following)) if following else item
