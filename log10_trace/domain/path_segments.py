"""Ids as one part of a path, of the API and of the pages, and back. Pure.

An id is any label. One that a path cannot carry is written as ``~`` and its base64url without padding.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import quote

from log10_trace.domain.labels import is_label

_ENCODED: Final = "~"
_UNFIT: Final = re.compile(r"[/\\%]|\A(?:~|\.{1,2}\Z|(?:batch|lookup|ungraded)\Z)")
"""What servers, proxies and browsers take for more, or less, than a name, and the names of operations."""
_UNFIT_FOR_PAGES: Final = re.compile(r"\.(?:json|jsonl|md)\Z|\Anew\Z")
"""Ends of paths that lead to a page's twin, and the name of the page that makes a task."""


def write_segment(name: str) -> str:
    """An id as one part of a path of the API."""
    return _encode(name) if _UNFIT.search(name) else quote(name, safe="", errors="replace")


def write_page_segment(name: str) -> str:
    """An id as one part of a path of the pages."""
    return _encode(name) if _UNFIT_FOR_PAGES.search(name) else write_segment(name)


def read_segment(segment: str) -> str:
    """The id that ``write_segment`` or ``write_page_segment`` wrote; text that neither wrote is itself.

    An id has one encoded form, and only where it needs one: what checks paths in front of the server is not
    passed by under another spelling.
    """
    if not segment.startswith(_ENCODED):
        return segment
    padded = segment[1:].encode("utf-8", "replace") + b"=" * (-len(segment[1:]) % 4)
    try:
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode("utf-8")
    except ValueError:
        return segment
    is_written = is_label(name, max_chars=None) and _encode(name) == segment
    return name if is_written and (_UNFIT.search(name) or _UNFIT_FOR_PAGES.search(name)) else segment


def _encode(name: str) -> str:
    encoded = base64.urlsafe_b64encode(name.encode("utf-8", "replace")).decode().rstrip("=")
    return f"{_ENCODED}{encoded}"
