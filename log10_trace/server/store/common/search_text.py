"""Text for a word index: symbols become words, and scripts without spaces become pairs of signs. Pure.

Text indexes know letters and digits between spaces. A symbol such as an emoji becomes a word of its code
point. Of a run of signs that are written without spaces (Han, kana, Hangul, Thai and others) each sign makes
a word with the next one, and the last a word alone::

    人工智能  ->  人工 工智 智能 能

So every sign begins exactly one word: two signs are found by a word, one by the words that begin with it,
and more as a phrase.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SIGNS: Final = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # marks of repetition, numbers
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\U0001aff0-\U0001b16f"  # kana
    "\u3105-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb"  # Hangul
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_EXTENSIONS: Final = "\U00020000"
"""From here on there is only Han, some of it newer than this Python."""
SYMBOLS: Final = (
    "\xa2-\xa9\xac\xae-\xb1\xb4\xb8\xd7\xf7\u20a0-\u20cf\u20e3"  # of Latin-1, currencies, keycaps
    "\u2100\u2101\u2103-\u2106\u2108\u2109\u2114\u2116-\u2118\u211e-\u2123\u213a\u213b\u2140-\u2144"
    "\u2190-\u245f\u249c-\u24e9\u2500-\u2767\u2794-\u2bff"  # arrows, mathematics, shapes, dingbats
    "\u3200-\u321e\u3300-\u33ff\ufffc\U0001d000-\U0001d2ff\U0001f000-\U0001fbef"  # squares, music, emoji
)
MARKS: Final = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20dc"
    "\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef"
)
"""Accents, vowels and selectors that readers leave out; not those that make another letter, as か and が."""
VOICED: Final = "\u3099\u309a"
"""The marks that make another letter."""
JOINERS: Final = "\u200b-\u200d\u2060\ufeff"
"""Characters without width, which may stand within a run of signs."""
_COMPATIBLE: Final = "\u0e33\u0eb3\u0edc\u0edd\u2f00-\u2fd5\uff01-\uffee"
"""Ligatures, radicals, and forms of half and full width, which stand for other characters."""
_SPECIAL: Final = re.compile(f"[{SIGNS}{SYMBOLS}{MARKS}{VOICED}{_COMPATIBLE}]")
_MARK: Final = re.compile(f"[{MARKS}]")
_SYMBOL: Final = re.compile(f"[{SYMBOLS}]")
_COMPATIBLE_RUN: Final = re.compile(f"[{_COMPATIBLE}]+")
_RUN: Final = re.compile(f"[{SIGNS}][{SIGNS}{JOINERS}]*")
_ASCII_WORDS: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_NO_WORD_AT_END: Final = re.compile(r"[\W_]+\Z")


def spread(text: str) -> str:
    """The text as it is indexed: symbols and pairs of signs as words, without separate accents."""
    if text.isascii() or not _SPECIAL.search(text):
        return text
    return _RUN.sub(_spread_run, _unify(text))


def spread_query(text: str, *, is_prefix: bool) -> tuple[str, bool]:
    """Words to look for as they are indexed, and whether the last may go on.

    Text that ends with signs may end within a run of them: the last is not looked for alone, and a single
    one begins a pair.
    """
    if text.isascii() or not _SPECIAL.search(text):
        return text, is_prefix
    unified = _NO_WORD_AT_END.sub("", _unify(text))
    *_, last = [None, *_RUN.finditer(unified)]
    if last is None or last.end() < len(unified):
        return spread(unified), is_prefix
    signs = _signs(last[0])
    pairs = _pair(signs)
    return f"{spread(unified[: last.start()])} {' '.join(pairs[:-1] or pairs)}", len(signs) == 1


def space_words(text: str) -> str:
    """The words of ASCII text, in lower case and with one space around each; empty where it has none."""
    # Not split and joined, which makes an object of each word and takes three times as long.
    spaced = f" {text.translate(_ASCII_WORDS)} "
    while "  " in spaced:
        spaced = spaced.replace("  ", " ")
    return "" if spaced == " " else spaced


def has_words(text: str) -> bool:
    """Whether there is anything in the text that can be searched for."""
    return any(character.isalnum() for character in spread(text))


def can_go_on(text: str, least: int) -> bool:
    """Whether the text ends with a letter or digit of a longer word, and has ``least`` of them."""
    is_open = text[-1:].isalnum() and not _SPECIAL.search(text[-1:])
    return is_open and sum(map(str.isalnum, text)) >= least


def _unify(text: str) -> str:
    """The text with one spelling of each character, and symbols as words."""
    text = _COMPATIBLE_RUN.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    text = _MARK.sub("", unicodedata.normalize("NFC", text))
    return _SYMBOL.sub(_word, text)


def _spread_run(run: re.Match[str]) -> str:
    return f" {' '.join(_pair(_signs(run[0])))} "


def _signs(run: str) -> str:
    """The signs of a run, without vowels and tones that are marks, punctuation, and what has no width."""
    return "".join(sign for sign in run if sign.isalnum() or sign >= _EXTENSIONS)


def _pair(signs: str) -> list[str]:
    return [signs[at : at + 2] for at in range(len(signs))]


def _word(symbol: re.Match[str]) -> str:
    return f" zq{ord(symbol[0]):x} "
