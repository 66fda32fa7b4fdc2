"""Passages: where the words of a search occur in a record, marked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from log10_trace.domain.marked_text import split_at_marks
from log10_trace.server.store.common.passages import BodyPrefix, find_passages, mark_matches, max_prefix_bytes
from log10_trace.server.store.common.record_codec import encode
from log10_trace.server.store.common.search_query import parse_search_query
from log10_trace.server.store.data_types import CompletionSummary, Passage
from tests.server.store.factories import answer, asked, completion

FAR = "nothing of note " * 100


SUMMARY = CompletionSummary(
    organization_id="org",
    id="a",
    fields={},
    model=None,
    input_tokens=None,
    output_tokens=None,
    preview_request="the last question",
    preview_response="the answer",
    preview_tool=None,
    call_site=None,
    charges=(),
)


def passages(
    typed: str,
    record: dict[str, Any],
    *,
    skipped: int = 0,
    max_bytes: int = 100_000,
    reason: str | None = None,
) -> list[str]:
    """The passages of a record, their marks in brackets."""
    summary = replace(SUMMARY, fields={"failure_reason": json.dumps(reason)})
    packed = encode(completion(**record).fields)
    body = BodyPrefix(skipped, packed.body[:max_bytes])
    return [bracket(each) for each in find_passages(summary, body, parse_search_query(typed), max_bytes)]


def bracket(passage: Passage) -> str:
    """The passage with its marks in brackets."""
    text = "".join(f"[{text}]" if is_marked else text for text, is_marked in passage.pieces)
    return f"{passage.field}: {text}"


@pytest.mark.parametrize(
    ("typed", "said", "expected"),
    [
        ("cafe", "Le Café\n\n  est ouvert", "Le [Café] est ouvert"),
        ("caf*", "caffè, cafe\u0301 et décaf", "[caffè], [cafe\u0301] et décaf"),
        ("art", "party art", "party [art]"),
        ('"a b" 🎉', "x a\n b 🎉🎉 a", "x [a b] [🎉🎉] a"),
        ("foo_bar()", "call foo_bar () now", "call [foo_bar] () now"),
        ("strasse", "in der Straße 3", "in der [Straße] 3"),
        ("人工", "今天的人工智能, 人 工", "今天的[人工]智能, 人 工"),
        ("東京 tower", "東京Towerへ", "[東京Tower]へ"),
        ("가", "각시 가시", "각시 [가]시"),
        ("か", "がか か\u3099", "が[か] か\u3099"),
        ("ガラス", "ｶﾞﾗｽの器", "[ｶﾞﾗｽ]の器"),
        ("ไทย", "ภาษาไทยง่าย", "ภาษา[ไทย]ง่าย"),
        ("fox quick", f"fox {FAR} the quick, brown fox {FAR}", None),
    ],
)
def test_words_are_marked_as_the_index_finds_them(typed: str, said: str, expected: str | None) -> None:
    """Accents, case and neighbours count as they do in the index; the place with most words is shown."""
    (found,) = passages(typed, {"request": asked(said)})

    if expected is None:
        assert found.startswith("request: …")
        assert "the [quick], brown [fox] nothing" in found
        assert found.endswith("…")
        assert len(found) < 250
    else:
        assert found == f"request: {expected}"


def test_a_passage_says_of_which_part_it_is() -> None:
    """Request and response have one each, the one with more of the words first; ``in:`` leaves one out."""
    record = {"request": asked("refund me"), "response": answer("no refund, sorry")}

    assert passages("refund sorry", record) == ["response: no [refund], [sorry]", "request: [refund] me"]
    assert passages("in:request refund", record) == ["request: [refund] me"]
    assert passages("in:response sorry in:request refund", record) == [
        "request: [refund] me",
        "response: no refund, [sorry]",
    ]
    assert passages("limit", {"response": None}, reason="rate limit reached") == [
        "response: rate [limit] reached"
    ]


def test_messages_of_an_earlier_call_have_no_passage() -> None:
    """What the session said before is found with the call that said it first."""
    record = {"request": asked("a heron", "an egret", "a heron?")}

    assert passages("heron", record, skipped=1) == ["request: an egret a [heron]?"]


def test_of_a_long_record_the_beginning_is_read() -> None:
    """What lies behind is not looked for, but in what lists show; a page of long records is bounded."""
    record = {"request": asked(f"heron {'word ' * 100_000} egret"), "response": answer("ibis")}

    assert passages("heron", record, max_bytes=1_000)[0].startswith("request: [heron] word")
    assert passages("egret ibis", record, max_bytes=1_000) == []
    assert passages("question answer", record, max_bytes=1_000) == [
        "request: the last [question]",
        "response: the [answer]",
    ]
    assert passages("heron", record, max_bytes=5) == []
    assert max_prefix_bytes(50) * 50 <= 4_000_000
    assert max_prefix_bytes(1) < 1_000_000


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("question", "the last [question]"), ("in:response question", "the last question")],
)
def test_the_words_in_a_preview_are_marked(typed: str, expected: str) -> None:
    """In the beginning of the request that a list shows, unless they are looked for in the response alone."""
    found = mark_matches(SUMMARY, BodyPrefix(0, b""), parse_search_query(typed), 1_000)

    pieces = split_at_marks(found.preview_request, found.request_ranges)
    assert "".join(f"[{text}]" if is_marked else text for text, is_marked in pieces) == expected
