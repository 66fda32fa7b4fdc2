"""Lines of CSV for spreadsheets, in which no cell is a formula. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_SPACE: Final = r"[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*"
_SIGNS: Final = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212]"
"""With the wide and the small forms, and the minus of print."""
_FORMULA: Final = re.compile(rf"[\t\r\n]|{_SPACE}{_SIGNS}")
"""How a cell begins that a spreadsheet may run: it passes over space."""


def literal(text: str) -> str:
    """The text as a cell that no spreadsheet runs: an apostrophe stands before what could be a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_line(cells: Iterable[str]) -> bytes:
    """A line of cells in UTF-8. All are quoted: in some countries a semicolon parts cells that are not."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue().encode("utf-8", "replace")
