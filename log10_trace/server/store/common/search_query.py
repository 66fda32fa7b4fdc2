"""Parses a search query into phrases. Pure; each store translates them into its own query language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, cast, get_args

from log10_trace.domain.text_extraction import sanitize
from log10_trace.server.store.common.search_text import has_words
from log10_trace.server.store.errors import SearchError

Scope = Literal["request", "response"]
"""The part of a completion that words are looked for in."""

_TYPED: Final = re.compile(r'"([^"]*)"|(\S+)')
_SCOPE: Final = re.compile(r"in:(.*\w.*)", re.IGNORECASE)
_PHRASES: Final = 32


class Phrase(NamedTuple):
    """Words that stand side by side."""

    text: str
    is_prefix: bool
    """The last word may go on."""
    scope: Scope | None = None
    """Where they stand; None for anywhere."""


def parse_search_query(typed: str) -> list[Phrase]:
    """The phrases that all have to occur: words, ``"several words"``, ``beginnings*``.

    ``in:request`` and ``in:response`` say where. One of them, wherever it stands, holds for all words; where
    both stand, each holds for the words behind it.

    Raises:
        SearchError: there is no word in it, or an ``in:`` of something else.
    """
    parts = list(_parts(sanitize(typed)))
    scopes = {part for part in parts if not isinstance(part, Phrase)}
    scope = scopes.pop() if len(scopes) == 1 else None
    found = []
    for part in parts:
        if isinstance(part, Phrase):
            found.append(part._replace(scope=scope))
        else:
            scope = part
    if not found:
        raise SearchError
    return found[:_PHRASES]


def _parts(typed: str) -> Iterator[Phrase | Scope]:
    """The phrases and scopes in the order in which they were typed."""
    for quoted, word in _TYPED.findall(typed):
        if scope := _SCOPE.fullmatch(word):
            yield _scope(scope[1])
            continue
        text = (quoted or word.rstrip("*")).replace('"', " ").strip()
        if has_words(text):
            yield Phrase(text, is_prefix=word.endswith("*"))


def _scope(name: str) -> Scope:
    if name.lower() not in get_args(Scope):
        message = f'"in:{name}" is unknown: use in:request or in:response, or quote it to search for it.'
        raise SearchError(message)
    return cast("Scope", name.lower())
