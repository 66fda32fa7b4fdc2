"""Texts and conditions for ClickHouse's text index, with the same words as the other stores. Pure.

A text is kept as its words, in lower case and without accents, with one space around each: the index finds
the rows in which all words of a phrase stand, and the text itself says whether they stand side by side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from log10_trace.server.store.common.search_query import Phrase
from log10_trace.server.store.common.search_text import VOICED, space_words, spread, spread_query

_BETWEEN: Final = re.compile(r"[\W_]+")
_WHOLE: Final = "hasAllTokens({column}, {{words_{number}:Array(String)}})"
_BEGINNING: Final = "{column} LIKE {{beginning_{number}:String}}"
"""Holds of every row in which a word begins so; the engine answers it from the words of the index."""
_SIDE_BY_SIDE: Final = "position({column}, {{part_{number}:String}}) > 0"


class _WithoutAccents(dict[int, int | None]):
    """A table for ``str.translate`` that learns each character when it meets it."""

    def __missing__(self, code: int) -> int | None:
        is_accent = unicodedata.combining(chr(code)) and chr(code) not in VOICED
        self[code] = None if is_accent else code
        return self[code]


_WITHOUT_ACCENTS: Final = _WithoutAccents()


class BoundCondition(NamedTuple):
    """A condition of SQL and the values to bind."""

    text: str
    values: dict[str, Any]


def index_words(text: str) -> str:
    """The words of a text as they are kept; empty of one without words."""
    said = spread(text)
    if said.isascii():
        return space_words(said)
    words = _normalize(said)
    return f" {' '.join(words)} " if words else ""


def build_conditions(phrases: Iterable[Phrase]) -> list[BoundCondition]:
    """What must hold of a row in which every phrase occurs."""
    return [_build_condition(phrase, number) for number, phrase in enumerate(phrases)]


def _build_condition(phrase: Phrase, number: int) -> BoundCondition:
    text, is_prefix = spread_query(phrase.text, is_prefix=phrase.is_prefix)
    words = _normalize(text)
    if not words:
        return BoundCondition("0", {})
    whole = words[:-1] if is_prefix else words
    scopes = [phrase.scope] if phrase.scope else ["request", "response"]
    parts = [_WHOLE] * bool(whole) + [_BEGINNING] * is_prefix
    parts += [_SIDE_BY_SIDE] * (is_prefix or len(words) > 1)
    in_column = " AND ".join(parts)
    places = [f"({in_column.format(column=f'{scope}_words', number=number)})" for scope in scopes]
    part = f" {' '.join(words)}" + ("" if is_prefix else " ")
    values = {f"words_{number}": whole, f"part_{number}": part, f"beginning_{number}": f"%{words[-1]}%"}
    return BoundCondition(f"({' OR '.join(places)})", values)


def _normalize(text: str) -> list[str]:
    """The words of a text: lower case, no accents, letters and digits only."""
    if text.isascii():
        return space_words(text).split()
    bare = unicodedata.normalize("NFKD", text).translate(_WITHOUT_ACCENTS)
    return _BETWEEN.sub(" ", unicodedata.normalize("NFC", bare).casefold()).split()
