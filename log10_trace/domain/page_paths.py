"""Paths of the pages that commands lead to as well. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

HOME: Final = "/"
SESSIONS: Final = "/sessions"
COMPARE: Final = "/compare"
OVERVIEW: Final = "/overview"

_UNFIT: Final = re.compile(r"[/\\%]|^\.{1,2}$")
"""What a path cannot carry: servers, proxies and browsers take it for more, or less, than a name."""
_TWINS: Final = (".json", ".jsonl", ".md")
"""Ends of paths that lead to a page's twin."""
_ENCODED: Final = "~"


def call_path(completion_id: str) -> str:
    """The path of a call's page."""
    return f"/completions/{write_segment(completion_id)}"


def session_path(session_id: str) -> str:
    """The path of a session's page."""
    return f"{SESSIONS}/{write_segment(session_id)}"


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


def write_segment(name: str, *, is_taken: bool = False) -> str:
    """A name as one part of a path; one that no path can carry is written in base64 behind a ``~``."""
    is_fit = not (_UNFIT.search(name) or name.startswith(_ENCODED) or name.endswith(_TWINS) or is_taken)
    if is_fit:
        return quote(name, safe="", errors="replace")
    encoded = base64.urlsafe_b64encode(name.encode("utf-8", "replace")).decode().rstrip("=")
    return f"{_ENCODED}{encoded}"


def read_segment(name: str) -> str:
    """The name that ``write_segment`` wrote; text that it did not write is itself."""
    if not name.startswith(_ENCODED):
        return name
    padded = name[1:].encode("utf-8", "replace") + b"=" * (-len(name[1:]) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("utf-8")
    except ValueError:
        return name
