"""Parses a search query into phrases. Pure; each store translates them into its own query language."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from log10_trace.domain.text_extraction import sanitize
from log10_trace.server.store.common.search_text import has_words
from log10_trace.server.store.errors import SearchError

_TYPED: Final = re.compile(r'"([^"]*)"|(\S+)')
_PHRASES: Final = 32


class Phrase(NamedTuple):
    """Words that stand side by side."""

    text: str
    is_prefix: bool
    """The last word may go on."""


def parse_search_query(typed: str) -> list[Phrase]:
    """The phrases that all have to occur: words, ``"several words"``, ``beginnings*``.

    Raises:
        SearchError: there is no word in it.
    """
    found = []
    for quoted, word in _TYPED.findall(sanitize(typed)):
        text = (quoted or word.rstrip("*")).replace('"', " ").strip()
        if has_words(text):
            found.append(Phrase(text, is_prefix=word.endswith("*")))
    if not found:
        raise SearchError
    return found[:_PHRASES]
