"""Characters that are never shown as they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.cli import output
from log10_trace.server.pages import sanitize


@pytest.mark.parametrize(
    "escape",
    [sanitize.escape_control_characters, output.escape_control_characters],
    ids=["pages", "terminal"],
)
@given(st.text(st.characters()))
def test_no_control_character_is_shown(escape: Callable[[str], str], text: str) -> None:
    """Pages and the terminal replace the same characters; tabs and line feeds stay."""
    shown = escape(text)

    assert not [
        char
        for char in shown
        if char not in "\t\n"
        and (
            unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in "\ufeff\u202a\u202b\u202d\u202e"
        )
    ]
    assert shown.count("\t") == text.count("\t")
    assert shown.count("\n") == text.count("\n")


def test_pages_and_the_terminal_mark_them_in_their_own_way() -> None:
    """A page shows the number, a terminal a picture of one cell."""
    assert sanitize.escape_control_characters("a\x1b\r\n\u202e\ufeff") == "a\\x1b\n\\u202e\\ufeff"
    assert output.escape_control_characters("a\x1b\r\n\u202e\ufeff") == "a\u241b\n\ufffd\ufffd"
