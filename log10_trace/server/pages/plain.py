"""Strangers' text, made fit to be looked at: nothing in it can steer the page, the terminal or the eye. Pure.

Prompts hold anything: NUL, terminal colours, marks that turn the direction of reading, halves of surrogate
pairs. Each is shown as a sign one can see. What is stored stays as it is; this is for the eye only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CONTROL_PICTURES: Final = 0x2400
_DELETE: Final = 0x7F
_STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters but tab and line feed, line separators, marks that turn the direction of reading,
surrogates, and the byte order mark, which nobody sees."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The beginning of a text, and how long the whole is."""

    text: str
    whole: int
    """Characters of the whole text."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return len(self.text) == self.whole


def plain(text: str) -> str:
    """The text with every sign that steers replaced by one that shows."""
    return _STEERING.sub(_shown, text.replace("\r\n", "\n"))


def cut(text: str, most: int | None) -> Cut:
    """At most the first ``most`` characters; all of them for None, or when hardly more are left."""
    is_short = most is None or len(text) <= most + most // 4
    return Cut(text if is_short else text[:most], len(text))


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < _CONTROL_PICTURES and code <= 0x1F:  # noqa: PLR2004 -- the last of the C0 controls
        return chr(_CONTROL_PICTURES + code)
    return "\u2421" if code == _DELETE else f"\\u{code:04x}"
