"""Parses a search query into phrases. Pure; each store translates them into its own query language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, cast, get_args

from log10_trace.domain.text_extraction import sanitize
from log10_trace.server.store.common.search_text import can_go_on, has_words
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.errors import SearchError

Scope = Literal["request", "response"]
"""The part of a completion that words are looked for in."""

_TYPED: Final = re.compile(r'"([^"]*)"|(\S+)')
_SCOPE: Final = re.compile(r"in:(.*\w.*)", re.IGNORECASE)
_PHRASES: Final = 32
_LEAST: Final = 2
"""Letters of a beginning that is looked for unasked."""


class Phrase(NamedTuple):
    """Words that stand side by side."""

    text: str
    is_prefix: bool
    """The last word may go on."""
    scope: Scope | None = None
    """Where they stand; None for anywhere."""


class _Part(NamedTuple):
    """What was typed between two spaces, or between quotes."""

    phrase: Phrase
    end: int
    """Where it ends in the text."""
    may_go_on: bool
    """Whether words that begin with it will do where none is it."""


def parse_search_query(typed: str) -> list[Phrase]:
    """The phrases that all have to occur: words, ``"several words"``, ``beginnings*``.

    ``in:request`` and ``in:response`` say where. One of them, wherever it stands, holds for all words; where
    both stand, each holds for the words behind it.

    Raises:
        SearchError: there is no word in it, or an ``in:`` of something else.
    """
    return [part.phrase for part in _parse(sanitize(typed))]


def check_searches(filters: Iterable[CompletionFilter]) -> None:
    """See whether the texts of filters can be searched for, before anything is read.

    Raises:
        SearchError: as ``parse_search_query``.
    """
    for wanted in filters:
        if wanted.text is not None:
            parse_search_query(wanted.text)


def add_prefixes(typed: str, are_known: Callable[[Sequence[Phrase]], Iterable[bool]]) -> str:
    """The query with ``*`` behind each word that ``are_known`` says does not occur as it is.

    Raises:
        SearchError: as ``parse_search_query``.
    """
    typed = sanitize(typed)
    parts = [part for part in _parse(typed) if part.may_go_on]
    known = are_known([part.phrase for part in parts])
    for part, is_known in reversed(list(zip(parts, known, strict=True))):
        if not is_known:
            typed = f"{typed[: part.end]}*{typed[part.end :]}"
    return typed


def _parse(typed: str) -> list[_Part]:
    read = list(_read(typed))
    scopes = {one for one in read if not isinstance(one, _Part)}
    scope = scopes.pop() if len(scopes) == 1 else None
    parts = []
    for one in read:
        if isinstance(one, _Part):
            parts.append(one._replace(phrase=one.phrase._replace(scope=scope)))
        else:
            scope = one
    if not parts:
        raise SearchError
    return parts[:_PHRASES]


def _read(typed: str) -> Iterator[_Part | Scope]:
    """The phrases and the scopes in the order in which they were typed."""
    for match in _TYPED.finditer(typed):
        quoted, word = match[1] or "", match[2] or ""
        if scope := _SCOPE.fullmatch(word):
            yield _read_scope(scope[1])
            continue
        text = (quoted or word.rstrip("*")).replace('"', " ").strip()
        if has_words(text):
            is_prefix = word.endswith("*")
            may_go_on = bool(word) and not is_prefix and can_go_on(text, _LEAST)
            yield _Part(Phrase(text, is_prefix), match.end(), may_go_on)


def _read_scope(name: str) -> Scope:
    if name.lower() not in get_args(Scope):
        message = f'"in:{name}" is unknown: use in:request or in:response, or quote it to search for it.'
        raise SearchError(message)
    return cast("Scope", name.lower())
