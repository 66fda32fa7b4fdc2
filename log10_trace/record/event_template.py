"""The events of a stream that differ from the one before in their texts alone, without a parse of each.

Nearly all events of a long stream are such. The bytes around the texts are compared, and the texts of many
events are parsed together; what comes out is what a parse of each event gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

from pydantic_core import from_json

from log10_trace.record.accumulate_text import Pieces, Places

# What fits the processor's cache is read in half the time.
WINDOW: Final = 16 * 1024
"""Maximum bytes of a body that are read at once, unless a line is longer."""

FindPlaces = Callable[[str | None, Any], Places | None]
"""Gives the places of the values of an event, from its name and its data.

None when the accumulator would do more with the event than add these values.
"""

_LEAD: Final = re.compile(rb"(?:event:(?P<name>[^\n]*)\n)?data: ?(?=\{)")
_VALUE: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|thinking|refusal|text|arguments|partial_json|delta)"\s*:'
    rb'\s*"(?P<text>(?!")[^"\\]*(?:\\.[^"\\]*)*)"'
    rb'|"obfuscation"\s*:\s*"(?P<noise>[^"\\]*)"|"sequence_number"\s*:\s*(?P<number>\d+)'
)
"""The values in which events of the same kind differ."""
_MARK: Final = "@log10_trace:"
_NUMBER_MARK: Final = 987_654_321_012_345
"""What stands in the place of a value while the accumulator is asked where it belongs."""
_SEPARATOR_BYTES: Final = 24
"""What events are split at: a longer separator takes a multiple of the time to look for."""


class EventTemplate:
    """The bytes of an event around its values, and the texts that these are added to."""

    def __init__(self, block: bytes, lead: re.Match[bytes], values: Sequence[re.Match[bytes]]) -> None:
        """``block`` are the lines of the event and the empty line behind; ``values`` stand in its data."""
        self._lead, self._values = lead, values
        # They stand before, between and behind the values; the quotes of a text are theirs.
        self._literals: list[bytes] = []
        end = 0
        for value in values:
            start, next_ = value.span(value.lastgroup or 0)
            self._literals.append(block[end:start])
            end = next_
        self._head, self._tail = self._literals[0], block[end:]
        self._kinds: list[type] = []
        self._places: list[Pieces | None] = []
        self._separator = self._rest = b""

    def fits(self, window: bytes, start: int) -> bool:
        """Whether the event that begins at ``start`` seems to be like this one."""
        end = window.find(b"\n\n", start) + 2
        return window.startswith(self._head, start) and window.startswith(self._tail, end - len(self._tail))

    def locate(self, find_places: FindPlaces) -> bool:
        """Find the texts that the values are added to; false when there is more to do with such an event."""
        marks: list[Any] = [
            _NUMBER_MARK if value.lastgroup == "number" else f"{_MARK}{number}"
            for number, value in enumerate(self._values)
        ]
        marked = b"".join(
            literal + str(mark).encode() for literal, mark in zip(self._literals, marks, strict=True)
        )
        name = self._lead["name"]
        try:
            places = find_places(
                None if name is None else name.strip().decode("utf-8", "replace"),
                from_json(marked[self._lead.end() :] + self._tail, cache_strings="keys"),
            )
        except ValueError:
            return False
        # By the values that the parser has found there: bytes that look like a field may stand anywhere.
        if places is None or places.keys() != set(marks):
            return False
        self._kinds, self._places = list(map(type, marks)), [places[mark] for mark in marks]
        between = self._tail + self._head
        self._separator, self._rest = between[-_SEPARATOR_BYTES:], between[:-_SEPARATOR_BYTES]
        return True

    def read(self, window: bytes, start: int) -> tuple[int, int]:
        """Add the values of the events from ``start`` on that are like this one: their number and end."""
        if not self.fits(window, start):
            return 0, start
        parts = self._cut(window[start + len(self._head) : start + WINDOW])
        columns = self._split(parts)
        texts = [_parse_values(column, kind) for column, kind in zip(columns, self._kinds, strict=False)]
        if not texts or None in texts:
            return 0, start
        for place, text in zip(self._places, texts, strict=True):
            if place is not None and text is not None:
                place.append(text)
        around = len(self._head) + len(self._tail)
        return len(parts), start + sum(map(len, parts)) + around * len(parts)

    def _cut(self, events: bytes) -> list[bytes]:
        """What stands between head and tail of the events, up to one that is not like this one."""
        *parts, last = events.split(self._separator)
        rest = self._rest
        if not all(map(bytes.endswith, parts, repeat(rest))):
            at = next(at for at, part in enumerate(parts) if not part.endswith(rest))
            last = parts[at]
            del parts[at:]
        found = [*map(itemgetter(slice(-len(rest) or None)), parts)]
        part, tail, _ = last.partition(self._tail)
        if tail:
            found.append(part)
        if b"\n" in b"".join(found):
            # Another event stands in between, or a comment.
            del found[next(at for at, part in enumerate(found) if b"\n" in part) :]
        return found

    def _split(self, parts: list[bytes]) -> list[Sequence[bytes]]:
        """The values of the parts, one after the other; none when one of the parts is of another form."""
        columns: list[Sequence[bytes]] = []
        rest: Sequence[bytes] = parts
        for middle in self._literals[1:] if parts else ():
            pairs = [part.split(middle, 1) for part in rest]
            if min(map(len, pairs)) == 1:
                return []
            column, rest = zip(*pairs, strict=True)
            columns.append(column)
        return [*columns, rest] if parts else []


def make_template(block: bytes) -> EventTemplate | None:
    """The template of an event, given as its lines and the empty line behind; None when it has none."""
    lead = _LEAD.match(block)
    if lead is None or len(block) > WINDOW // 2 or block.find(b"\n", lead.end()) != len(block) - 2:
        return None
    if _MARK.encode() in block or b"%d" % _NUMBER_MARK in block:
        return None
    values = [*_VALUE.finditer(block, lead.end())]
    return EventTemplate(block, lead, values) if values else None


def _parse_values(values: Sequence[bytes], kind: type) -> str | None:
    """The values joined to one text, "" for numbers; None when one of them is no JSON of this kind."""
    # With line breaks between them, which no JSON string holds: a value that ends its string before its end,
    # or runs on into the next, gives no array of so many values.
    begin, between, end = (b'["', b'",\n"', b'"]') if kind is str else (b"[", b",\n", b"]")
    try:
        parsed = from_json(begin + between.join(values) + end)
    except ValueError:
        return None
    if len(parsed) != len(values) or set(map(type, parsed)) != {kind}:
        return None
    return "".join(parsed) if kind is str else ""
