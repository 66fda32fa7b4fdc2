"""Sanitizing of untrusted text: control and bidirectional characters are escaped. Pure.

Prompts hold anything: NUL, terminal colours, marks that turn the direction of reading, halves of surrogate
pairs. Each is shown as its number. What is stored stays as it is; this is for the eye only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from markupsafe import escape

from log10_trace.domain.control_characters import replace_control_characters

_LAST_OF_TWO_DIGITS: Final = 0xFF
_has_markup: Final = re.compile("[&<>\"']").search


@dataclass(frozen=True, slots=True)
class TruncatedText:
    """The beginning of a text, and how long the whole is."""

    text: str
    whole: int
    """Characters of the whole text."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return len(self.text) == self.whole


def escape_control_characters(text: str) -> str:
    r"""The text with every sign that steers replaced by its number, as in ``\x1b``."""
    return replace_control_characters(text, _number)


def escape_html(text: str) -> str:
    """Untrusted text as HTML: control characters are escaped, and what HTML would take for markup."""
    sanitized = escape_control_characters(text)
    # Most texts of a page are short numbers and names: to look takes a third of the time of escape().
    return str(escape(sanitized)) if _has_markup(sanitized) else sanitized


def truncate(text: str, most: int | None) -> TruncatedText:
    """At most the first ``most`` characters; all of them for None, or when hardly more are left."""
    is_short = most is None or len(text) <= most + most // 4
    return TruncatedText(text if is_short else text[:most], len(text))


def _number(code: int) -> str:
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{code:04x}"
