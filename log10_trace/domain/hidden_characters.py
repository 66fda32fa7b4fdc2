r"""Characters that a reader does not see, shown as their numbers: ``\u202e``, ``\U000e0041``. Pure.

A text may say one thing to a person who looks at it and another to a model that reads it: letters of the tags
block, marks that turn the direction of reading, joiners and selectors of no width.
"""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufff0-\ufffb\ufffe\uffff"
    # Unicode's Default_Ignorable_Code_Point, and the blank of Braille.
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # Private use: each font, and each model, may read something else.
    "\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
_BASIC: Final = 0x10000


def escape_hidden_characters(text: str) -> str:
    """The text with each hidden character as its number, and a line feed for each CR LF; tabs stay."""
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < _BASIC else f"\\U{code:08x}"
