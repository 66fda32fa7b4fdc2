"""Reads JSON text of which only the beginning is there. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from log10_trace.domain.json_slices import parse_value

_MARK: Final = re.compile(r'["\[\]{}]')
_CLOSING: Final = {"[": "]", "{": "}"}
_SPACE: Final = (" ", "\t", "\n", "\r")
_CUT_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_LONGEST_CUT: Final = 5


def parse_prefix(text: str) -> Any:
    """The value of JSON text that was cut off anywhere: what stands before the cut, a string in part.

    Names, numbers and literals that the cut may have shortened are left out. None when nothing is left.

    Raises:
        ValueError: the text is the beginning of no JSON text.
    """
    if text.endswith(("}", "]")):  # perhaps nothing was cut off: to see that takes a third of the time
        try:
            return parse_value(text)
        except ValueError:
            pass
    closers: list[str] = []
    at, is_behind_name = 0, False
    while (mark := _MARK.search(text, at)) is not None:
        if mark[0] == '"':
            is_name = closers[-1:] == ["}"] and _opens_name(text, mark.start())
            end = _find_string_end(text, mark.end())
            if end is None and not is_name:
                return _parse(_close_string(text), closers)
            if end is None:
                break
            at, is_behind_name = end, is_name
            continue
        at, is_behind_name = mark.end(), False
        if mark[0] in _CLOSING:
            closers.append(_CLOSING[mark[0]])
        elif not closers or closers.pop() != mark[0]:
            message = "not the beginning of a JSON text"
            raise ValueError(message)
    if not closers:
        return _parse(text, closers)
    return _parse(text[:at] + (":null" if is_behind_name else ""), closers)


def _parse(kept: str, closers: list[str]) -> Any:
    return parse_value(kept + "".join(reversed(closers))) if kept else None


def _opens_name(text: str, at: int) -> bool:
    """Whether a string at this place of an object is the name of a member, not a value."""
    at -= 1
    while text[at] in _SPACE:
        at -= 1
    return text[at] in "{,"


def _find_string_end(text: str, at: int) -> int | None:
    """Where the string that goes on at ``at`` ends; None when that is cut off."""
    while (at := text.find('"', at) + 1) > 0:
        if _count_backslashes(text, at - 1) % 2 == 0:
            return at
    return None


def _count_backslashes(text: str, end: int) -> int:
    """How many stand side by side before ``end``."""
    begin = end
    while text[begin - 1 : begin] == "\\":
        begin -= 1
    return end - begin


def _close_string(text: str) -> str:
    """The text, which ends within a string, with its end; an escape that is cut off is left out."""
    cut = _CUT_ESCAPE.search(text, max(len(text) - _LONGEST_CUT, 0))
    if cut is not None and _count_backslashes(text, cut.start()) % 2 == 0:
        text = text[: cut.start()]
    return f'{text}"'
