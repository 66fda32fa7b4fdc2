"""Detectors of numbers with check digits or ranges: payment cards, IBANs, US social security. Pure."""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from typing import Final

from log10_trace.redact.boundaries import begin_number, begin_word
from log10_trace.redact.detector import Detector, Span

_SEPARATORS: Final = " \u00a0\u202f\u2011\u2013-"

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DIGIT_GROUPS: Final = re.compile(rf"\d{begin_number('A-Za-z0-9', '.')}(?<!\d\..)\d*(?:[{_SEPARATORS}]\d+)*")
_GROUP: Final = re.compile(r"\d+")
_MIN_CARD_DIGITS: Final = 13
_MAX_CARD_DIGITS: Final = 19
_ISSUER: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}"  # Maestro
    r"|220[0-4]\d{12,15}|(?:60\d\d|508[5-9])\d{12}"  # Mir, RuPay
)


def _find_cards(text: str) -> Iterator[Span]:
    if "-" in text:
        text = _UUID.sub(lambda match: "x" * len(match[0]), text)
    ibans_inside = list(_find_ibans(text))
    for run in _DIGIT_GROUPS.finditer(text):
        if run.end() - run.start() < _MIN_CARD_DIGITS:
            continue
        groups = [Span(*match.span()) for match in _GROUP.finditer(text, *run.span())]
        if text[run.end() : run.end() + 1].isalpha() and text[run.end()].isascii():
            groups.pop()  # the last one goes on with letters
        first = 0
        while first < len(groups):
            last = _find_card_end(text, groups, first)
            if last is not None and not _lies_within(groups[first].start, ibans_inside):
                yield Span(groups[first].start, groups[last].end)
            first = first + 1 if last is None else last + 1


def _lies_within(place: int, spans: Sequence[Span]) -> bool:
    at = bisect(spans, (place, math.inf))
    return at > 0 and place < spans[at - 1].end


def _find_card_end(text: str, groups: Sequence[Span], first: int) -> int | None:
    """The last group of the longest card number that begins with the first one."""
    digits, found = "", None
    for last in range(first, len(groups)):
        if len(digits) + groups[last].end - groups[last].start > _MAX_CARD_DIGITS:
            break
        digits += "".join(str(int(digit)) for digit in text[slice(*groups[last])])
        if _ISSUER.fullmatch(digits) and _has_luhn_digit(digits):
            found = last
    return found


def _has_luhn_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 -- the sum of its two digits
    return total % 10 == 0


# Digits come first in the expressions below: a search for them passes over other text quickly.
_CHECK_DIGITS: Final = re.compile(r"[0-9]{2}(?<=[A-Za-z]{2}[0-9]{2})")
_IBAN_START: Final = re.compile(rf"{begin_word('A-Za-z0-9')}[A-Za-z]{{2}}[0-9]{{2}}")
_COUNTRIES: Final = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
    32: "LC", 33: "RU",
}  # fmt: skip
"""Number of characters of an IBAN -> countries (ISO 13616)."""
_IBAN_LENGTHS: Final = {
    country: length for length, countries in _COUNTRIES.items() for country in countries.split()
}


def _find_ibans(text: str) -> Iterator[Span]:
    end = 0
    for match in _CHECK_DIGITS.finditer(text):
        start = match.start() - 2
        length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
        if length is None or start < end or not _IBAN_START.match(text, start):
            continue
        stop = _find_iban_end(text, start, length)
        if stop is not None:
            end = stop
            yield Span(start, stop)


def _find_iban_end(text: str, start: int, length: int) -> int | None:
    """The place behind the IBAN of this length that begins at ``start``, if one does."""
    characters, at, is_spaced = "", start, False
    while len(characters) < length and at < len(text):
        each = text[at]
        if each.isascii() and each.isalnum():
            characters += each
        elif each in _SEPARATORS and text[at - 1] not in _SEPARATORS:
            is_spaced = True
        else:
            return None
        at += 1
    goes_on = at < len(text) and text[at].isascii() and text[at].isalnum()
    is_form = not goes_on and (not is_spaced or characters.upper() == characters)
    return at if len(characters) == length and is_form and _has_iban_digits(characters.upper()) else None


def _has_iban_digits(iban: str) -> bool:
    """Whether its third and fourth characters are the check digits of the others (ISO 7064, modulo 97)."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(each, 36)) for each in moved)) % 97 == 1


_SSN: Final = re.compile(
    rf"[0-8]{begin_number('A-Za-z0-9_-', '[0-8]')}[0-9]{{2}}(?<!000)(?<!666)(?P<separator>[ -])"
    r"(?!00)[0-9]{2}(?P=separator)(?!0000)[0-9]{4}(?![A-Za-z0-9_-])"
)
_NAMED_SSN: Final = re.compile(
    r"(?:\bSSN|social security(?: (?:number|no\.?))?)\W{0,3}(?:is |was )?\W{0,2}"
    r"(?P<value>(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4})(?!\d)",
    re.IGNORECASE,
)


def _find_ssns(text: str) -> Iterator[Span]:
    for match in _SSN.finditer(text):
        yield Span(*match.span())
    if "ss" in (lower := text.lower()) or "social" in lower:
        for match in _NAMED_SSN.finditer(text):
            yield Span(*match.span("value"))


def keep_characters(value: str) -> str:
    """The letters and digits of a number, without what separates its groups."""
    return "".join(filter(str.isalnum, value)).upper()


cards: Final = Detector("card", _find_cards, keep_characters)
"""Numbers of payment cards: 13 to 19 digits, an issuer's first digits, and the right check digit."""
ibans: Final = Detector("iban", _find_ibans, keep_characters)
"""IBANs: a country, its length, and the right check digits."""
ssns: Final = Detector("ssn", _find_ssns, keep_characters)
"""US social security numbers: with separators, or behind the words."""
