"""Detectors: what finds values of one kind, such as e-mail addresses, in texts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from log10_trace.models.components import Completion
from log10_trace.redact.embedded_json import parse_embedded, replace_tokens
from log10_trace.redact.marks import REDACTED, Marks
from log10_trace.redact.record_contents import map_texts_and_names


class Span(NamedTuple):
    """The place of a value in a text: its first character, and the one behind its last."""

    start: int
    end: int


def _is_never_secret(field: str, value: str) -> bool:  # noqa: ARG001 -- the signature of ``is_field``
    return False


@dataclass(frozen=True)
class Detector:
    """Finds the values of one kind in texts. It is a redactor too, which masks them with ``[redacted]``.

    ``emails``, ``cards`` and the others are detectors; ``pattern`` makes one.
    """

    kind: str
    """What it finds, in the singular: the word in ``<email:1>``."""
    find: Callable[[str], Iterable[Span]]
    """The places of the values in a text, in any order."""
    normalize: Callable[[str], str] = str
    """What all spellings of one value have in common."""
    is_field: Callable[[str, str], bool] = _is_never_secret
    """Whether a JSON field with this name and this text holds such a value, and nothing else."""

    def __call__(self, completion: Completion) -> Completion:
        """The record with every value masked."""
        return DetectorRedactor((self,), REDACTED)(completion)

    def __repr__(self) -> str:
        return f"<detector {self.kind}>"


def pattern(expression: str | re.Pattern[str], name: str) -> Detector:
    """A detector of what a regular expression matches.

    In a text that is JSON, as the arguments of a tool call are, the expression sees each string by itself,
    without quotes and escapes.

    Args:
        expression: The regular expression. Where it has a group named ``value``, only this group is masked.
        name: What it finds: the word in marks such as ``<customer:1>``.

    Raises:
        ValueError: the expression is not a regular expression of text or matches the empty text, or the name
            is not 1 to 32 of ``a-z``, ``0-9``, ``-`` and ``_``, a letter first.
    """
    if not isinstance(name, str) or not _KIND.fullmatch(name):
        raise ValueError(
            f"name {name!r} is not 1 to 32 of a-z, 0-9, - and _, a letter first, such as 'customer'"
        )
    try:
        compiled = re.compile(expression)
    except (re.error, TypeError) as error:
        raise ValueError(f"{expression!r} is not a regular expression: {error}") from None
    if not isinstance(compiled.pattern, str):
        raise ValueError(f"{expression!r} is a pattern of bytes; give one of text")  # noqa: TRY004 -- as above
    if compiled.match(""):
        raise ValueError(f"{expression!r} matches the empty text; give one that needs a character")
    return Detector(name, PatternFinder(compiled))


_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True)
class PatternFinder:
    """Finds what an expression matches: its group ``value`` where it has one, else all of it."""

    expression: re.Pattern[str]

    def __call__(self, text: str) -> Iterator[Span]:
        """The places of the matches, in order."""
        group = "value" if "value" in self.expression.groupindex else 0
        for match in self.expression.finditer(text):
            yield Span(*match.span(group))


class Found(NamedTuple):
    """A value in a text, and what found it."""

    start: int
    end: int
    detector: Detector


def find_values(text: str, detectors: Sequence[Detector]) -> list[Found]:
    """The values that the detectors find, in order, without overlaps.

    Values that overlap become one, of the kind of the longest: no part of a value is left.
    """
    found = [
        Found(start, end, detector)
        for detector in detectors
        for start, end in detector.find(text)
        if start < end
    ]
    found.sort(key=lambda each: (each.start, -each.end))
    joined: list[Found] = []
    longest = 0
    for each in found:
        length = each.end - each.start
        if not joined or each.start >= joined[-1].end:
            joined.append(each)
            longest = length
            continue
        last = joined[-1]
        kind = each.detector if length > longest else last.detector
        joined[-1] = Found(last.start, max(last.end, each.end), kind)
        longest = max(longest, length)
    return joined


@dataclass(frozen=True)
class DetectorRedactor:
    """Puts marks in the place of what detectors find, in every text of a record's contents."""

    detectors: tuple[Detector, ...]
    marks: Marks

    def __call__(self, completion: Completion) -> Completion:
        """The record with its values masked."""
        return map_texts_and_names(completion, self.clean)

    def clean(self, text: str, field: str = "") -> str:
        """The text with its values masked; ``field`` is the name of the JSON field that holds the text."""
        if parse_embedded(text) is not None:
            return replace_tokens(text, self.clean)
        for detector in self.detectors:
            if detector.is_field(field, text) and not self.marks.expression(self._kinds).fullmatch(text):
                return self.marks.write(detector.kind, detector.normalize(text))
        # What stands beside a mark may be found now: to redact once more must change nothing.
        for _ in range(_MAX_ROUNDS):
            found = self._find_outside_marks(text)
            if not found:
                break
            text = self._replace(text, found)
        return text

    @property
    def _kinds(self) -> frozenset[str]:
        return frozenset(detector.kind for detector in self.detectors)

    def _find_outside_marks(self, text: str) -> list[Found]:
        found = find_values(text, self.detectors)
        marks = self.marks.expression(self._kinds)
        if not found or not marks.search(text):
            return found
        # A detector of the user may match the word in a mark.
        without = marks.sub(lambda match: _BLANK * len(match[0]), text)
        return [
            each
            for each in find_values(without, self.detectors)
            if without[each.start : each.end].strip(_BLANK)
        ]

    def _replace(self, text: str, found: list[Found]) -> str:
        pieces: list[str] = []
        at = 0
        for start, end, detector in found:
            mark = self.marks.write(detector.kind, detector.normalize(text[start:end]))
            pieces += (text[at:start], mark)
            at = end
        return "".join([*pieces, text[at:]])


_MAX_ROUNDS: Final = 8
_BLANK: Final = "\0"
