"""Finds the places of a text where phrases of a search occur, by the rules of the text index. Pure.

Text and phrases are compared in one spelling: lower case, without accents, each character decomposed. Places
in that spelling are brought back to the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice, takewhile
from typing import Final, NamedTuple

from log10_trace.server.store.common.search_query import Phrase
from log10_trace.server.store.common.search_text import JOINERS, MARKS, SIGNS, SYMBOLS, VOICED

_MOST: Final = 200
_MOST_LOOKED_AT: Final = 5_000
"""Places of one phrase, and those that may be inside of longer words."""
_MARK: Final = re.compile(f"[{MARKS}]")
_SIGN: Final = re.compile(f"[{SIGNS}]")
_SYMBOL: Final = re.compile(f"[{SYMBOLS}]")
_LETTER: Final = re.compile(rf"[^\W_{SIGNS}]")
_ATOM: Final = re.compile(f"(?P<signs>[{SIGNS}{VOICED}]+)|(?P<word>{_LETTER.pattern}+)|[{SYMBOLS}]")
_GAP: Final = r"[\W_]{0,100}"
_END_OF_SIGN: Final = f"(?![\u1160-\u11ff{VOICED}])"
"""No vowel or final consonant of Hangul follows, and no mark, which would make another sign of the last."""


class Place(NamedTuple):
    """Where a phrase occurs in a text."""

    begin: int
    end: int
    phrase: int
    """The number of the phrase."""


class _Spelling(dict[int, str]):
    """The common spelling of each character, as ``str.translate`` takes it."""

    def __missing__(self, code: int) -> str:
        self[code] = spelled = _spell(chr(code))
        return spelled


_SPELLING: Final = _Spelling()


class SpelledText:
    """A text in the common spelling."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spelled = text.lower() if text.isascii() else text.translate(_SPELLING)

    def find(self, phrases: Sequence[Phrase]) -> list[Place]:
        """The first places of each phrase in the spelling, in its order."""
        return sorted(
            Place(begin, end, number)
            for number, phrase in enumerate(phrases)
            for begin, end in islice(_find(self._spelled, phrase), _MOST)
        )

    def locate(self, places: Sequence[Place]) -> list[Place]:
        """The places in the text itself."""
        if self._text.isascii() or not places:
            return list(places)
        last = max(place.end for place in places)
        lengths = map(len, map(_SPELLING.__getitem__, map(ord, self._text)))
        offsets = list(takewhile(last.__ge__, accumulate(lengths, initial=0)))
        return [
            Place(_index(offsets, place.begin), _index(offsets, place.end, is_end=True), place.phrase)
            for place in places
        ]


def _find(spelled: str, phrase: Phrase) -> Iterator[tuple[int, int]]:
    pattern, begins_with_word = _compile(phrase.text, is_prefix=phrase.is_prefix)
    if pattern is None:
        return
    # What stands before is looked at here, since a pattern that begins with a word is found fastest.
    for match in islice(pattern.finditer(spelled), _MOST_LOOKED_AT):
        begin, end = match.span()
        if not (begins_with_word and begin and _LETTER.match(spelled, begin - 1)):
            yield begin, end


@lru_cache  # a page looks for the same phrases in fifty records
def _compile(text: str, *, is_prefix: bool) -> tuple[re.Pattern[str] | None, bool]:
    """What finds a phrase, None where nothing can, and whether that begins with a word."""
    atoms = list(_ATOM.finditer(text.translate(_SPELLING)))
    if not atoms:
        return None, False
    pattern = _GAP.join(map(_pattern, atoms))
    if atoms[-1]["word"]:
        pattern += f"{_LETTER.pattern}*" if is_prefix else f"(?!{_LETTER.pattern})"
    return re.compile(pattern), bool(atoms[0]["word"])


def _pattern(atom: re.Match[str]) -> str:
    if not atom["signs"]:
        return re.escape(atom[0])
    return f"[{JOINERS}]*".join(map(re.escape, atom[0])) + _END_OF_SIGN


def _spell(character: str) -> str:
    if _SYMBOL.match(character):
        return character
    return "".join(filter(_is_spelled, unicodedata.normalize("NFKD", character))).casefold()


def _is_spelled(character: str) -> bool:
    if character in VOICED:
        return True
    if _SIGN.match(character):
        return character.isalnum()
    return not (unicodedata.combining(character) or _MARK.match(character))


def _index(offsets: Sequence[int], place: int, *, is_end: bool = False) -> int:
    """The place in the text; ``offsets`` are the places of its characters in the common spelling."""
    index = bisect_right(offsets, place) - 1
    return index + 1 if is_end and offsets[index] < place else index
