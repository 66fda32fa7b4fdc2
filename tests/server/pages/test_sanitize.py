"""Texts and JSON as pages show them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.pages.json_indent import indent_json
from log10_trace.server.pages.sanitize import escape_control_characters, truncate

ANY_TEXT = st.text(st.characters())
"""Surrogates included."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)
OUTSIDE_STRINGS = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|\s+', re.DOTALL)


@given(ANY_TEXT)
def test_plain_text_can_always_be_sent(text: str) -> None:
    """Whatever the text, what is shown of it can be encoded and holds no control character."""
    shown = escape_control_characters(text)

    shown.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)


@given(ANY_TEXT)
def test_plain_text_is_plain(text: str) -> None:
    """Made plain twice is made plain once."""
    assert escape_control_characters(escape_control_characters(text)) == escape_control_characters(text)


def test_what_is_harmless_stays() -> None:
    """Line breaks, tabs, other alphabets and joined signs are shown as they are."""
    text = "a\n\tb עברית 中文 👩\u200d👩\u200d👧 é"

    assert escape_control_characters(text) == text


def test_what_steers_is_shown_as_its_number() -> None:
    """Escapes, NUL, turned reading and halves of pairs can be seen, and do nothing."""
    assert (
        escape_control_characters("\x1b[31m\x00\u202e\ud83d\r\n\r") == "\\x1b[31m\\x00\\u202e\\ud83d\n\\x0d"
    )


@given(JSON, st.sampled_from([None, 0, 3]))
def test_indenting_adds_space_and_nothing_else(value: object, indent: int | None) -> None:
    """Without the space outside of strings, indented JSON is what it was, however that was written."""
    text = json.dumps(value, indent=indent)

    shown = indent_json(text)

    assert OUTSIDE_STRINGS.sub(r"\1", shown) == OUTSIDE_STRINGS.sub(r"\1", text)
    assert json.loads(shown) == value


@given(JSON, st.integers(0, 200))
def test_json_that_was_cut_is_indented_as_far_as_it_goes(value: object, length: int) -> None:
    """A text that ends anywhere keeps every sign it has."""
    text = json.dumps(value, ensure_ascii=False)[:length]

    assert "".join(indent_json(text).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("length", "most", "shown"), [(10, None, 10), (10, 8, 10), (11, 8, 8), (8, 8, 8), (0, 8, 0)]
)
def test_a_text_is_cut_when_that_spares_a_reader_something(length: int, most: int | None, shown: int) -> None:
    """A cut that would leave out hardly anything is not made; the whole length is always told."""
    made = truncate("x" * length, most)

    assert (len(made.text), made.whole) == (shown, length)
    assert made.is_whole == (shown == length)
