"""What is remembered of the texts that were parsed."""

from __future__ import annotations

import json

import pytest

from log10_trace.server.store.common import parsed_texts
from log10_trace.server.store.common.parsed_texts import ParsedTexts


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is parsed from now on."""
    calls: list[str] = []

    def note(text: str) -> object:
        calls.append(text)
        return json.loads(text)

    monkeypatch.setattr(parsed_texts, "parse_json", note)
    return calls


def test_a_text_is_parsed_once(parsed: list[str]) -> None:
    """Within one call and from call to call; what has no contents is remembered as well."""
    texts = ParsedTexts[list[int]](100)

    first = texts.parse(["[1, 2]", "[]", "[1, 2]"])
    second = texts.parse(["[]", "[3]", "[1, 2]"])

    assert (first, second) == ({"[1, 2]": [1, 2], "[]": []}, {"[]": [], "[3]": [3], "[1, 2]": [1, 2]})
    assert parsed == ["[[1, 2],[]]", "[[3]]"]
    assert first["[1, 2]"] is second["[1, 2]"]


def test_what_was_not_needed_lately_is_forgotten(parsed: list[str]) -> None:
    """Up to twice the length is remembered; what is needed again stays."""
    texts = ParsedTexts[list[int]](6)

    for _ in range(2):
        for number in range(6):
            texts.parse(["[0]", f"[{number + 1}]"])

    assert parsed.count("[[0],[1]]") == 1
    assert [text for text in parsed if "0" in text] == ["[[0],[1]]"]
    assert parsed.count("[[1]]") == 1


def test_more_than_may_be_remembered_is_parsed_all_the_same(parsed: list[str]) -> None:
    """And displaces nothing."""
    texts = ParsedTexts[list[int]](6)
    texts.parse(["[1]"])

    assert texts.parse(["[1]", "[2222222]"]) == {"[1]": [1], "[2222222]": [2222222]}
    assert texts.parse(["[1]"]) == {"[1]": [1]}
    assert parsed == ["[[1]]", "[[2222222]]"]
