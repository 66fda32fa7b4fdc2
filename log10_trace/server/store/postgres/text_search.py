"""Texts and queries for PostgreSQL's text search, with the same words as SQLite's index. Pure.

Each word is indexed behind a letter that says where it was said, so that one index finds words of requests,
of responses and of both without looking at the records.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from log10_trace.server.store.common.search_query import Phrase, Scope
from log10_trace.server.store.common.search_text import VOICED, space_words, spread, spread_query

INDEXED_BYTES: Final = 600_000
"""Of one record's words. PostgreSQL refuses a row of words beyond a megabyte."""
_BETWEEN: Final = re.compile(r"[\W_]+")
_LETTERS: Final[Mapping[Scope, str]] = {"request": "q", "response": "r"}


def index_words(request: str, response: str) -> str:
    """The words of a record as they are indexed, with spaces between; too many are cut off."""
    words = f"{_words('response', response)} {_words('request', request)}"
    return words.encode()[:INDEXED_BYTES].decode(errors="ignore")


def to_tsquery(phrases: Iterable[Phrase]) -> str:
    """A tsquery that finds the texts in which every phrase occurs."""
    return " & ".join(_phrase_query(phrase) for phrase in phrases)


def _words(scope: Scope, text: str) -> str:
    letter, said = _LETTERS[scope], spread(text)
    if said.isascii():
        return space_words(said).rstrip().replace(" ", f" {letter}")[1:]
    return " ".join([letter + word for word in _normalize(said).split()])


def _normalize(text: str) -> str:
    """The words of a text with spaces between: lower case, no accents, letters and digits only."""
    if text.isascii():
        return space_words(text)
    decomposed = unicodedata.normalize("NFKD", text)
    marks = (mark for mark in decomposed if mark in VOICED or not unicodedata.combining(mark))
    return _BETWEEN.sub(" ", unicodedata.normalize("NFC", "".join(marks)).casefold())


def _phrase_query(phrase: Phrase) -> str:
    text, is_prefix = spread_query(phrase.text, is_prefix=phrase.is_prefix)
    words = _normalize(text).split()
    if not words:
        return "''"
    letters = [_LETTERS[phrase.scope]] if phrase.scope else _LETTERS.values()
    end = ":*" if is_prefix else ""
    places = (" <-> ".join(f"'{letter}{word}'" for word in words) + end for letter in letters)
    return f"({' | '.join(f'({place})' for place in places)})"
