"""Paths of the pages that commands lead to as well. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_plus

from log10_trace.domain.path_segments import write_page_segment

HOME: Final = "/"
SESSIONS: Final = "/sessions"
COMPARE: Final = "/compare"
OVERVIEW: Final = "/overview"


def call_path(completion_id: str) -> str:
    """The path of a call's page."""
    return f"/completions/{write_page_segment(completion_id)}"


def session_path(session_id: str) -> str:
    """The path of a session's page."""
    return f"{SESSIONS}/{write_page_segment(session_id)}"


def compare_path(a: str, b: str) -> str:
    """The path of the page that compares two calls."""
    return add_query(COMPARE, (("a", a), ("b", b)))


def add_query(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The path with these conditions behind it."""
    # An unpaired surrogate cannot be part of a URL; the store's columns hold "?" for it as well.
    query = "&".join(
        f"{quote_plus(name, errors='replace')}={quote_plus(value, errors='replace')}" for name, value in pairs
    )
    return f"{path}?{query}" if query else path
