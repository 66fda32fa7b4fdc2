"""Ids as one part of a path: each comes back, and no path has two meanings."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.path_segments import read_segment, write_page_segment, write_segment
from log10_trace.server.operations import OPERATIONS
from log10_trace.server.pages.routes import PAGES
from tests.odd_ids import ODD_IDS

PIECES = st.sampled_from(["/", "\\", "%", "~", ".", ".json", "a", "new", "YS9i", "é", "🦊", " ", "?"])
IDS = (
    st.sampled_from(ODD_IDS)
    | st.lists(PIECES, min_size=1, max_size=6).map("".join)
    | st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)
)


@given(IDS)
def test_an_id_comes_back_from_a_path_that_nobody_misreads(name: str) -> None:
    """Of both forms: no encoded slash, backslash or NUL, no dots alone, and for pages no end of a twin."""
    for segment in (write_segment(name), write_page_segment(name)):
        assert read_segment(unquote(segment)) == name
        assert not re.search(r"[/\\?#\s]|%2f|%5c|%00|%25", segment, re.IGNORECASE)
        assert segment not in (".", "..", "batch", "lookup", "ungraded")
    assert not write_page_segment(name).endswith((".json", ".jsonl", ".md"))


@pytest.mark.parametrize("decoded", [b"tenant", b"", b"a/\0b", b"a/\nb", b"\xff/", b"a/\xed\xa0\x80"])
def test_what_needs_no_encoding_has_no_second_form(decoded: bytes) -> None:
    """A path that was not written here names the id that it spells."""
    segment = "~" + base64.urlsafe_b64encode(decoded).decode().rstrip("=")

    assert read_segment(segment) == segment


@pytest.mark.parametrize("segment", ["~YS9iYg==", "~YS9iYh", "~YS9i\n", "~Y S9i", "~YS9\udc80i", "~YS9iY"])
def test_an_id_has_one_encoded_form(segment: str) -> None:
    """Padding, stray bits and characters of no alphabet are part of an id of their own."""
    assert (read_segment("~YS9i"), read_segment("~YS9iYg")) == ("a/b", "a/bb")
    assert read_segment(segment) == segment


def test_names_of_operations_are_no_ids() -> None:
    """What stands in a path where another operation has an id is encoded."""
    paths = [operation.path.split("/") for operation in (*OPERATIONS, *PAGES)]
    for path in paths:
        for other in paths:
            if len(path) == len(other) and path[:-1] == other[:-1] and other[-1][:1] + other[-1][-1:] == "{}":
                assert "{" in path[-1] or write_page_segment(path[-1]).startswith("~"), path
