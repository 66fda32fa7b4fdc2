"""Two calls side by side: from their comparison to what the page shows. Pure.

Equal rows are folded in runs, long equal text is cut to what stands beside a change, and every text to what
lets many rows still make a page that can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from log10_trace.domain.call_parts import Part
from log10_trace.domain.comparison.abridgement import EqualText, abridge_segments
from log10_trace.domain.comparison.call_comparison import CallComparison, Section
from log10_trace.domain.comparison.facts import Fact
from log10_trace.domain.comparison.part_alignment import Row
from log10_trace.server.pages.call_fields import CallFields
from log10_trace.server.pages.urls import call_path

PieceKind = Literal["equal", "changed", "folded", "cut"]

_CONTEXT: Final = 240
_MAX_TEXT: Final = 8_000
_MIN_TEXT: Final = 400
_MAX_PAGE: Final = 600_000
"""Characters of all texts together."""
_MAX_EQUAL_ROWS: Final = 20
"""At each end of a run of equal rows."""
_MAX_EQUAL_TEXT: Final = 600
_ANCHORS: Final = {"Messages": "asked", "Answers": "answered"}
_NOUNS: Final = {
    "Parameters": "parameter",
    "Tools offered": "tool",
    "Messages": "message",
    "Answers": "answer",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of one text."""

    kind: PieceKind
    text: str
    omitted: int = 0
    """Characters that are not shown here."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one call has in a row."""

    number: int
    path: str
    """Where the text stands in full."""
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row in which the calls differ; a call without a counterpart has no side."""

    title: str
    a: Side | None
    b: Side | None


@dataclass(frozen=True, slots=True)
class EqualRows:
    """Consecutive rows that are equal, of very many those at the ends."""

    count: int
    shown: tuple[tuple[str, Side], ...]
    """Title and text of each."""

    @property
    def omitted(self) -> int:
        """How many are not shown."""
        return self.count - len(self.shown)


@dataclass(frozen=True, slots=True)
class SectionView:
    """Parts of one kind."""

    title: str
    noun: str
    """What one of them is called."""
    anchor: str
    changed: int
    count: int
    rows: tuple[ChangedRow | EqualRows, ...]


@dataclass(frozen=True, slots=True)
class ComparedCall:
    """One of the calls."""

    labels: CallFields
    model: str
    gist: str
    """The first words of what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareView:
    """Everything that the page of two calls shows."""

    a: ComparedCall
    b: ComparedCall
    changed_facts: tuple[Fact, ...]
    equal_facts: tuple[Fact, ...]
    sections: tuple[SectionView, ...]
    notes: tuple[str, ...]
    changed: int

    @property
    def is_one_call(self) -> bool:
        """Whether a call is compared with itself."""
        return self.a.labels.id == self.b.labels.id


def compare_view(comparison: CallComparison, a: ComparedCall, b: ComparedCall) -> CompareView:
    """The view of a comparison."""
    texts = max(1, 2 * comparison.changed)
    max_characters = max(_MIN_TEXT, min(_MAX_TEXT, _MAX_PAGE // texts))
    return CompareView(
        a=a,
        b=b,
        changed_facts=tuple(fact for fact in comparison.facts if not fact.is_equal),
        equal_facts=tuple(fact for fact in comparison.facts if fact.is_equal),
        sections=tuple(_view_section(section, a, b, max_characters) for section in comparison.sections),
        notes=comparison.notes,
        changed=comparison.changed,
    )


def _view_section(section: Section, a: ComparedCall, b: ComparedCall, max_characters: int) -> SectionView:
    rows = _Rows(a, b, _ANCHORS.get(section.title, ""), max_characters)
    groups = [(key, list(group)) for key, group in groupby(section.rows, key=lambda row: row.is_equal)]
    return SectionView(
        title=section.title,
        noun=_NOUNS[section.title],
        anchor=section.title.lower().replace(" ", "-"),
        changed=section.changed,
        count=len(section.rows),
        rows=tuple(
            row
            for is_equal, group in groups
            for row in ([rows.view_equal(group)] if is_equal else map(rows.view_changed, group))
        ),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes the views of a section's rows."""

    a: ComparedCall
    b: ComparedCall
    anchor: str
    """What the ids of the parts begin with on the page of their call; empty when they have none."""
    max_characters: int

    def view_changed(self, row: Row) -> ChangedRow:
        is_pair = row.a is not None and row.b is not None
        return ChangedRow(
            row.title,
            self._make_side(row.a, self.a, _pieces(row, is_a=True) if is_pair else None),
            self._make_side(row.b, self.b, _pieces(row, is_a=False) if is_pair else None),
        )

    def view_equal(self, rows: Sequence[Row]) -> EqualRows:
        is_long = len(rows) > 2 * _MAX_EQUAL_ROWS
        ends = [*rows[:_MAX_EQUAL_ROWS], *rows[-_MAX_EQUAL_ROWS:]] if is_long else rows
        shown = (
            (part.title, self._link(part, self.a, _cut([Piece("equal", part.text)], _MAX_EQUAL_TEXT)))
            for part in (row.a for row in ends)
            if part is not None
        )
        return EqualRows(len(rows), tuple(shown))

    def _make_side(
        self, part: Part | None, call: ComparedCall, pieces: Iterable[Piece] | None
    ) -> Side | None:
        if part is None:
            return None
        whole = [Piece("changed", part.text)]
        return self._link(part, call, _cut(whole if pieces is None else pieces, self.max_characters))

    def _link(self, part: Part, call: ComparedCall, pieces: Iterable[Piece]) -> Side:
        fragment = f"#{self.anchor}-{part.number}" if self.anchor else ""
        return Side(part.number, f"{call_path(call.labels.id)}{fragment}", tuple(pieces))


def _pieces(row: Row, *, is_a: bool) -> Iterator[Piece]:
    for segment in abridge_segments(row.difference.segments, _CONTEXT):
        if isinstance(segment, EqualText):
            yield Piece("folded", "", len(segment.text))
        elif text := segment.a if is_a else segment.b:
            yield Piece("equal" if segment.is_equal else "changed", text)


def _cut(pieces: Iterable[Piece], max_characters: int) -> Iterator[Piece]:
    """The pieces up to ``max_characters`` of text, and how much is left out."""
    room, omitted = max_characters, 0
    for piece in pieces:
        kept = piece.text[: max(room, 0)]
        room -= len(kept)
        omitted += len(piece.text) - len(kept)
        if kept or (piece.kind == "folded" and not omitted):
            yield Piece(piece.kind, kept, piece.omitted)
    if omitted:
        yield Piece("cut", "", omitted)
