"""Texts and queries for PostgreSQL's text search, with the same words as SQLite's index. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from log10_trace.server.store.common.search_query import Phrase
from log10_trace.server.store.common.search_text import VOICED, spread

INDEXED_BYTES: Final = 400_000
"""Of one record's text. PostgreSQL refuses a row of words beyond a megabyte."""
_BETWEEN: Final = re.compile(r"[\W_]+")
_ASCII_WORDS: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


def normalize(text: str) -> str:
    """The words of a text with spaces between: lower case, no accents, letters and digits only."""
    if text.isascii():
        return text.translate(_ASCII_WORDS)
    decomposed = unicodedata.normalize("NFKD", spread(text))
    marks = (mark for mark in decomposed if mark in VOICED or not unicodedata.combining(mark))
    bare = unicodedata.normalize("NFC", "".join(marks)).casefold()
    return _BETWEEN.sub(" ", bare).encode()[:INDEXED_BYTES].decode(errors="ignore")


def to_tsquery(phrases: Iterable[Phrase]) -> str:
    """A tsquery that finds the texts in which every phrase occurs."""
    return " & ".join(_phrase_query(phrase) for phrase in phrases)


def _phrase_query(phrase: Phrase) -> str:
    words = [f"'{word}'" for word in normalize(phrase.text).split()] or ["''"]
    if phrase.is_prefix:
        words[-1] += ":*"
    return f"({' <-> '.join(words)})"
