"""JSON of any size read in bounded memory: of a long array or object, the first and the last members. Pure.

A text that is short is read at once. In a longer one the members are found without reading them, and only
those at the ends are read, within a budget of values that nested arrays and objects share. A string is one
value, and read whole wherever it stands.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Final

from log10_trace.domain.json_slices import parse_value

ENDS: Final = 100
"""How many members at each end of a long array or object are read."""
_BUDGET: Final = 500_000
"""Values that are read, those within others included; Python needs about a hundred bytes for each."""
_VALUE_CHARACTERS: Final = 2
"""Minimum length of a value with its comma."""
_FEW_SIGNS: Final = 10_000
"""Signs up to which each is searched for."""
_LONG_VALUE: Final = 24
"""Characters of a value from which reading all values takes no more memory than a few times the text."""
_RUN: Final = 100

# Repetitions are bounded: the engine keeps a place to come back to for each. Every choice is told by its
# first character, so that what does not match fails in linear time.
_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*){0,100}"'
_SCALAR: Final = r'[^\s,:\[\]{}"]+'
_PLAIN: Final = r'[^\[\]{}"]*'


def _block(depth: int) -> str:
    """Matches an array or object of at most ``depth`` levels, and not too many strings."""
    inner = f"{_STRING}|{_block(depth - 1)}" if depth > 1 else _STRING
    return rf"[\[{{]{_PLAIN}(?:(?:{inner}){_PLAIN}){{0,100}}[\]}}]"


_SHALLOW: Final = rf"(?:{_STRING}|{_block(4)}|{_SCALAR})"
_SHALLOW_VALUE: Final = re.compile(_SHALLOW, re.DOTALL)
_CALM: Final = re.compile(rf'(?:[^\[\]{{}}"]+|{_STRING}|{_block(4)}){{1,100}}', re.DOTALL)
_RUNS: Final = {
    "[": re.compile(rf"(?:{_SHALLOW}\s*,\s*){{{_RUN}}}", re.DOTALL),
    "{": re.compile(rf"(?:{_STRING}\s*:\s*{_SHALLOW}\s*,\s*){{{_RUN}}}", re.DOTALL),
}
_STRING_PART: Final = re.compile(r'[^"\\]*(?:\\.[^"\\]*){0,1000}', re.DOTALL)
_SPACE: Final = re.compile(r"[\s:]*")


class Gap(str):
    """Replaces omitted members, and is visible wherever the value is shown as JSON.

    Attributes:
        omitted: How many were left out.
    """

    __slots__ = ("omitted",)
    omitted: int


def _gap(omitted: int, what: str = "more") -> Gap:
    gap = Gap(f"… {omitted:,} {what} …")
    gap.omitted = omitted
    return gap


def excerpt(text: str, budget: int = _BUDGET, most: int = ENDS) -> Any:
    """The value of JSON text; long arrays and objects have a ``Gap`` between their first and last members.

    Args:
        text: The JSON text.
        budget: How many values are read.
        most: How many members at each end of a long array or object are read.
    """
    return _value(text, 0, len(text), budget, most)


def read_json(text: str, most: int = ENDS) -> Any:
    """The value of JSON text, whole when its values are few beside its length, else an excerpt.

    It may have longer arrays than an excerpt has; ``abridge`` treats both alike.
    """
    # There are no more values than that: each follows a comma or stands first. To count takes a part of the
    # time of finding the ends, and prompts of megabytes have few values.
    if sum(_count_sign(text, sign) for sign in ",[{") < min(_BUDGET, len(text) // _LONG_VALUE):
        return parse_value(text)
    return excerpt(text, most=most)


def _count_sign(text: str, sign: str) -> int:
    """How often the sign occurs: as ``str.count``, which is ten times as slow where there are few."""
    at = -1
    for found in range(_FEW_SIGNS):
        at = text.find(sign, at + 1)
        if at < 0:
            return found
    return _FEW_SIGNS + text.count(sign, at + 1)


def find_member(text: str, name: str) -> str | None:
    """The exact text of a member of a JSON object, found without reading the others; None without one."""
    at: int | None = _SPACE.match(text, 1).end()  # type: ignore[union-attr] # it matches everywhere
    if text[0] != "{" or text[at] == "}":  # type: ignore[index]
        return None
    for member in _members(text, at, is_object=True):
        if scanstring(text, member.begin + 1, True)[0] == name:
            return text[member.value : member.end]
    return None


def abridge(items: list[Any], most: int = ENDS) -> list[Any]:
    """At most ``most`` items of each end, a ``Gap`` between them; of a list that is an excerpt as well."""
    gap = items[ENDS] if len(items) == 2 * ENDS + 1 and isinstance(items[ENDS], Gap) else None
    count = len(items) if gap is None else 2 * ENDS + gap.omitted
    if count <= 2 * most:
        return items
    return [*items[:most], _gap(count - 2 * most), *items[-most:]]


@dataclass(frozen=True, slots=True)
class _Member:
    """The position of a member of an array or object in the text."""

    begin: int
    """Of its name, in an object."""
    value: int
    end: int
    next: int | None
    """Where the next one begins; None for the last."""


def _value(text: str, start: int, end: int, budget: int, most: int) -> Any:
    opening = text[start : start + 1]
    if opening == '"':
        return scanstring(text, start + 1, True)[0]
    if opening not in ("[", "{") or end - start <= budget * _VALUE_CHARACTERS:
        return parse_value(text[start:end])
    first, omitted, last = _ends(text, start, budget, most)
    kept = [*first, *last]
    if len(kept) > budget:
        return _gap(end - start, "characters")
    share = (budget - len(kept)) // max(1, sum(text[member.value] in "[{" for member in kept))
    values = [_value(text, member.value, member.end, share, most) for member in kept]
    if opening == "[":
        return [*values[: len(first)], _gap(omitted), *values[len(first) :]] if omitted else values
    names = [scanstring(text, member.begin + 1, True)[0] for member in kept]
    head = dict(zip(names[: len(first)], values, strict=False))
    gap = {"…": _gap(omitted)} if omitted else {}
    return head | gap | dict(zip(names[len(first) :], values[len(first) :], strict=True))


def _ends(text: str, start: int, budget: int, most: int) -> tuple[list[_Member], int, list[_Member]]:
    """The first members of the array or object at ``start``, how many are left out, and the last ones.

    Beyond ``budget`` no more are looked for.
    """
    at: int | None = _SPACE.match(text, start + 1).end()  # type: ignore[union-attr] # it matches everywhere
    if text[at] in "]}":  # type: ignore[index]
        return [], 0, []
    is_object = text[start] == "{"
    first: list[_Member] = []
    for member in _members(text, at, is_object=is_object):
        first.append(member)
        at = member.next
        if len(first) == most or len(first) > budget:
            break
    if at is None or len(first) > budget:
        return first, 0, []
    count, tail = _count(text, at, text[start], most)
    last = deque(_members(text, tail, is_object=is_object), maxlen=most)
    return first, count - len(last), list(last)


def _members(text: str, at: int | None, *, is_object: bool) -> Iterator[_Member]:
    """The members from the one at ``at`` on."""
    while at is not None:
        begin, value = at, at
        if is_object:
            value = _SPACE.match(text, _string_end(text, at)).end()  # type: ignore[union-attr]
        end = _value_end(text, value)
        comma = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        is_last = text[comma] != ","
        at = None if is_last else _SPACE.match(text, comma + 1).end()  # type: ignore[union-attr]
        yield _Member(begin, value, end, at)


def _count(text: str, at: int, opening: str, most: int) -> tuple[int, int]:
    """How many members there are from ``at`` on, and a place before the last ``most`` of them."""
    count = 0
    marks = deque([(0, at)], maxlen=most + 2)
    following: int | None = at
    while following is not None:
        while (run := _RUNS[opening].match(text, following)) is not None:
            count, following = count + _RUN, run.end()
            marks.append((count, following))
        for member in _members(text, following, is_object=opening == "{"):
            count, following = count + 1, member.next
            if following is None:
                break
            marks.append((count, following))
            if count % _RUN == 0:
                break
    return count, next(place for before, place in reversed(marks) if count - before >= min(most, count))


def _value_end(text: str, at: int) -> int:
    """Where the value that begins at ``at`` ends."""
    shallow = _SHALLOW_VALUE.match(text, at)
    if shallow is not None:
        return shallow.end()
    depth = 0
    while True:
        calm = _CALM.match(text, at) if depth else None
        if calm is not None:
            at = calm.end()
        elif text[at] == '"':
            at = _string_end(text, at)
        else:
            depth += 1 if text[at] in "[{" else -1
            at += 1
        if depth == 0:
            return at


def _string_end(text: str, at: int) -> int:
    """Where the string that begins at ``at`` ends."""
    at += 1
    while text[at] != '"':
        at = _STRING_PART.match(text, at).end()  # type: ignore[union-attr]
    return at + 1
