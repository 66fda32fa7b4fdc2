"""The detector of telephone numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from log10_trace.redact.boundaries import begin_number
from log10_trace.redact.detector import Detector, Span

_SEPARATOR: Final = "[ \u00a0\u202f().\u2011\u2013/-]"

_WORD: Final = "A-Za-z0-9_"
_END: Final = rf"(?![{_WORD}]|[-.][0-9])"

_INTERNATIONAL: Final = re.compile(
    rf"{begin_number(_WORD + '+')}[+\uff0b]\(?[1-9](?:{_SEPARATOR}{{0,3}}\d){{6,14}}(?!\d)"
)
_DIALLED: Final = re.compile(
    rf"{begin_number(_WORD + '.,:/+-')}(?<![0-9][ \u00a0])00[1-9](?:{_SEPARATOR}{{0,2}}\d){{7,13}}"
    rf"(?![{_WORD}-])"
)
"""The same with 00, as it is dialled in most countries."""
_NORTH_AMERICAN: Final = re.compile(
    rf"{begin_number(_WORD + '.+/-')}(?:1[ .-])?"
    r"(?:\([2-9]\d\d\) ?[2-9]\d\d[ .-]|[2-9]\d\d(?P<separator>[ .-])[2-9]\d\d(?P=separator))"
    rf"\d{{4}}{_END}"
)
_AREA_IN_PARENTHESES: Final = re.compile(
    rf"{begin_number(_WORD + '.+/-')}(?:[078][ -]?)?\(\d{{2,5}}\){_SEPARATOR}{{0,2}}\d{{2,8}}"
    rf"(?:[ -]\d{{2,5}}){{0,3}}{_END}"
)
_NATIONAL: Final = re.compile(
    rf"{begin_number(_WORD + '.,:/+-')}(?<![0-9][ \u00a0])0[1-9]\d{{0,4}}"
    rf"(?:{_SEPARATOR}{{1,3}}\d{{1,8}}){{1,5}}{_END}(?!/\d)"
)
"""With the 0 of a national number, and separators."""
_NAMED: Final = re.compile(
    r"(?<![A-Za-z])(?:(?:tel(?:efono?|efonn?|éfono|efone|ephone)?|(?:smart|i)?phone|t[ée]l[ée]phone|fon[eo]?|mobile?"
    r"|m[óo]vil|handy|celular|cellulare|whatsapp|sms|fax|тел(?:ефон)?|電話|电话|手机|전화)[^\d\n(+_]{0,12}"
    r"|(?:call|ring)(?: (?:me|us|him|her|them))?(?: (?:at|on|under))?:? )"
    rf"(?P<value>\(?\d(?:{_SEPARATOR}{{0,2}}\d){{6,13}})(?![{_WORD}]|[.,]\d)",
    re.IGNORECASE,
)
"""Any number of 7 to 14 digits that is said to be one."""
_DIGITS_NEARBY: Final = re.compile(rf"[+\uff0b(0-9](?:[+\uff0b]?{_SEPARATOR}{{0,3}}\d){{6,}}")
"""Where a number may stand. The expressions above are searched for here only: they are slow elsewhere."""
_MAX_NAME: Final = 32
"""Characters that a word for a telephone has, with what stands between it and the number."""
_MAX_BEHIND: Final = 2
"""Characters behind a number that tell whether it goes on."""
_DATE: Final = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}(?!\d|\1\d)")

_COUNTRY: Final = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-689]\d|3[578]\d|42[013]|50\d|59\d|67\d|69\d|80[08]|85\d|87\d|88[0268]|96\d|97\d|99\d"
)
"""The country codes of E.164."""
_MIN_DIGITS: Final = 8
_MIN_NATIONAL_DIGITS: Final = 9
_MAX_NATIONAL_DIGITS: Final = 12


def _has_country(number: str) -> bool:
    digits = _digits(number).removeprefix("00")
    return len(digits) >= _MIN_DIGITS and _COUNTRY.match(digits) is not None


def _digits(number: str) -> str:
    return "".join(str(int(each)) for each in number if each.isdecimal())


def _is_dialled(number: str) -> bool:
    return _has_country(number) and not number.isdigit()


def _is_national(number: str) -> bool:
    return _MIN_NATIONAL_DIGITS <= len(_digits(number)) <= _MAX_NATIONAL_DIGITS and _is_no_date(number)


def _is_no_date(number: str) -> bool:
    return _DATE.match(number) is None


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]] = (
    (_INTERNATIONAL, _has_country),
    (_DIALLED, _is_dialled),
    (_NORTH_AMERICAN, _is_no_date),
    (_AREA_IN_PARENTHESES, _is_national),
    (_NATIONAL, _is_national),
    (_NAMED, _is_no_date),
)


def _find_phones(text: str) -> Iterator[Span]:
    for near in _DIGITS_NEARBY.finditer(text):
        end = near.end() + _MAX_BEHIND
        for expression, is_phone in _FORMS:
            named = expression is _NAMED
            start = max(0, near.start() - _MAX_NAME) if named else near.start()
            for match in expression.finditer(text, start, end):
                span = Span(*match.span("value" if named else 0))
                if is_phone(text[slice(*span)]):
                    yield span


phones: Final = Detector("phone", _find_phones, lambda value: _digits(value).removeprefix("00"))
"""Telephone numbers: international, North American, national with separators, or behind a word for one."""
