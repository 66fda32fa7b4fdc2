"""Text for a word index: symbols become words, and scripts without spaces get spaces. Pure.

Text indexes know letters and digits. A symbol such as an emoji becomes a word of its code point, and each
character of a script that is written without spaces is a word of its own; a query is spelled the same
way, so that neighbours stay neighbours: joined emoji and runs of such characters are found as phrases.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WITHOUT_SPACES: Final = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3005\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"  # kana, Bopomofo, Han
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"  # Hangul, more of kana and Han
)
_SYMBOLS: Final = (
    "\xa2-\xa9\xac\xae-\xb1\xb4\xb8\xd7\xf7\u20a0-\u20cf\u20e3"  # of Latin-1, currencies, keycaps
    "\u2100\u2101\u2103-\u2106\u2108\u2109\u2114\u2116-\u2118\u211e-\u2123\u213a\u213b\u2140-\u2144"
    "\u2190-\u245f\u249c-\u24e9\u2500-\u2767\u2794-\u2bff"  # arrows, mathematics, shapes, dingbats
    "\u3200-\u321e\u3300-\u33ff\ufffc\U0001d000-\U0001d2ff\U0001f000-\U0001fbef"  # squares, music, emoji
)
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20dc\ufe20-\ufe2f"
)
"""Accents and vowels that readers leave out, without those that make another letter, as か and が."""
VOICED: Final = "\u3099\u309a"
"""The marks that make another letter."""
_SPECIAL: Final = re.compile(f"[{_WITHOUT_SPACES}{_SYMBOLS}{_MARKS}{VOICED}]")
_MARK: Final = re.compile(f"[{_MARKS}]")
_SYMBOL: Final = re.compile(f"[{_SYMBOLS}]")
_CHARACTER: Final = re.compile(f"([{_WITHOUT_SPACES}])")


def spread(text: str) -> str:
    """The text with symbols as words, spaces where its script has none, and without separate accents."""
    if text.isascii() or not _SPECIAL.search(text):
        return text
    text = _MARK.sub("", unicodedata.normalize("NFC", text))
    return _CHARACTER.sub(r" \1 ", _SYMBOL.sub(_word, text))


def has_words(text: str) -> bool:
    """Whether there is anything in the text that can be searched for."""
    return any(character.isalnum() for character in spread(text))


def _word(symbol: re.Match[str]) -> str:
    return f" zq{ord(symbol[0]):x} "
