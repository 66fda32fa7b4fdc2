"""Text extraction for search and previews."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain import text_extraction
from log10_trace.domain.completion_record import parse
from tests.server.store.factories import asked, completion


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        (asked("a", "b"), ["a", "b"]),
        ({"prompt": "once upon"}, ["once upon"]),
        ({"prompt": ["one", "two"]}, ["one\ntwo"]),
        ({"instructions": "be brief", "input": [{"role": "user", "content": "hi"}]}, ["be brief", "hi"]),
        ({"input": "hi", "tools": [{"description": "never shown"}]}, ["hi"]),
        (
            {"messages": [{"content": [{"type": "text", "text": "see"}, {"image_url": {"url": "data:x"}}]}]},
            ["see"],
        ),
        ({"messages": "x"}, [""]),
        ("text\x00 only", ["text  only"]),
        (None, []),
        (["a"], []),
    ],
)
def test_the_words_of_a_request_are_those_of_its_messages(request_body: object, expected: list[str]) -> None:
    """What was said is found in every form of request; ids, links and schemas are not words."""
    assert text_extraction.request_texts(request_body) == expected


def test_words_are_fit_for_every_database() -> None:
    """NUL and lone surrogates are replaced in what is searched, never in what is kept."""
    incoming = parse('{"request": {"prompt": "a\\u0000b\\ud800c"}}')
    words = text_extraction.extract_text(incoming.values).searchable_request()

    assert words == "a b?c"
    assert incoming.fields["request"] == '{"prompt": "a\\u0000b\\ud800c"}'


def test_what_goes_into_the_index_is_bounded() -> None:
    """A huge text is kept whole and found by its beginning."""
    incoming = completion(request={"prompt": "word " * 100_000})

    assert (
        len(text_extraction.extract_text(incoming.values).searchable_request())
        == text_extraction.SEARCHED_CHARACTERS
    )


@given(st.lists(st.sampled_from(["word", "w" * 90, " " * 240, "\n", "é"]), max_size=60).map(" ".join))
def test_a_preview_is_the_beginning_on_one_line(text: str) -> None:
    """What is shown of a text are its first 200 characters, however much space it has in between."""
    assert text_extraction.preview(text) == " ".join(text[:800].split())[:200]
