"""The passages of a completion where the words of a search occur, for lists of what was found. Pure.

Of a long record the beginning is read, so that a page of the longest records takes a fraction of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, Final, NamedTuple

from log10_trace.domain.json_prefix import parse_prefix
from log10_trace.domain.json_slices import parse_value
from log10_trace.domain.text_extraction import request_texts, response_text, sanitize
from log10_trace.server.store.common.phrase_matching import Place, SpelledText
from log10_trace.server.store.common.record_codec import decode_body_prefix, read_body_prefix
from log10_trace.server.store.common.search_query import Phrase, Scope
from log10_trace.server.store.data_types import CompletionSummary, Passage

_PAGE_BYTES: Final = 4_000_000
_LEAST_BYTES: Final = 16_000
_MOST_BYTES: Final = 256_000
"""What is read for a page in all, and of each record, before it is compressed."""
_WIDTH: Final = 120
"""Maximum number of characters from the first mark of a passage to the last."""
_BEFORE: Final = 40
_BEHIND: Final = 100
"""Characters around the marks."""
_SPACE: Final = re.compile(r"\s+")
_CUT: Final = "…"


class BodyPrefix(NamedTuple):
    """The beginning of a body as it is stored."""

    skipped: int
    """Messages that the text index has from an earlier call."""
    data: bytes | str
    """Compressed, or as text."""

    def read(self, max_bytes: int) -> dict[str, str]:
        """Its fields, the last of them perhaps in part."""
        if isinstance(self.data, str):
            return read_body_prefix(self.data)
        return decode_body_prefix(self.data, max_bytes)


def max_prefix_bytes(records: int) -> int:
    """How many bytes of each body are read for a page of so many records."""
    return min(max(_PAGE_BYTES // max(records, 1), _LEAST_BYTES), _MOST_BYTES)


def mark_matches(
    summary: CompletionSummary, body: BodyPrefix, phrases: Sequence[Phrase], max_bytes: int
) -> CompletionSummary:
    """The summary with its passages, and with the words of the search in its preview marked."""
    of_request = [phrase for phrase in phrases if phrase.scope in (None, "request")]
    spelled = SpelledText(summary.preview_request)
    ranges = _merge(spelled.locate(spelled.find(of_request)))
    passages = find_passages(summary, body, phrases, max_bytes)
    return replace(summary, passages=passages, request_ranges=tuple(ranges))


def find_passages(
    summary: CompletionSummary, body: BodyPrefix, phrases: Sequence[Phrase], max_bytes: int
) -> tuple[Passage, ...]:
    """A passage of the request, of the response, or of both: the one with more of the phrases first."""
    fields = body.read(max_bytes)
    texts: dict[Scope, Iterable[str]] = {
        "request": request_texts(_parse(fields.get("request")))[body.skipped :],
        "response": (response_text(_parse(fields.get("response"))), _failure(summary)),
    }
    previews = {"request": summary.preview_request, "response": summary.preview_response}
    found = []
    for scope, said in texts.items():
        wanted = [phrase for phrase in phrases if phrase.scope in (None, scope)]
        for text in ("\n".join(said), previews[scope]):
            if passage := _find_passage(scope, text, wanted):
                found.append(passage)
                break
    return tuple(passage for _, passage in sorted(found, key=lambda one: -one[0]))


def _parse(text: str | None) -> Any:
    try:
        return None if text is None else parse_prefix(text)
    except (ValueError, RecursionError):
        return None


def _failure(summary: CompletionSummary) -> str:
    reason = parse_value(summary.fields.get("failure_reason", "null"))
    return sanitize(reason) if isinstance(reason, str) else ""


def _find_passage(field: Scope, text: str, phrases: Sequence[Phrase]) -> tuple[int, Passage] | None:
    """How many of the phrases the best passage has, and the passage."""
    spelled = SpelledText(text)
    places = spelled.locate(_select(spelled.find(phrases)))
    if not places:
        return None
    begin, marks = _cut_front(text, places[0].begin), _merge(places)
    end = _cut_end(text, max(end for _, end in marks))
    passage, ranges = _CUT if begin else "", []
    for mark_begin, mark_end in marks:
        passage += _squeeze(text[begin:mark_begin], passage)
        marked = _squeeze(text[mark_begin:mark_end], passage)
        ranges.append((len(passage), len(passage) + len(marked)))
        passage += marked
        begin = mark_end
    passage += _squeeze(text[begin:end], passage).rstrip() + (_CUT if text[end:].strip() else "")
    return len({place.phrase for place in places}), Passage(field=field, text=passage, ranges=tuple(ranges))


def _select(places: Sequence[Place]) -> list[Place]:
    """The places side by side that have most phrases, the first such."""
    best: list[Place] = []
    most = 0
    for at, first in enumerate(places):
        near = list(takewhile(lambda place: place.end - first.begin <= _WIDTH, places[at:])) or [first]  # noqa: B023 -- used at once
        count = len({place.phrase for place in near})
        if count > most:
            best, most = near, count
    return best


def _merge(places: Iterable[Place]) -> list[tuple[int, int]]:
    """The spans of the places, those that overlap as one."""
    spans: list[tuple[int, int]] = []
    for place in places:
        if spans and place.begin <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], place.end)
        else:
            spans.append((place.begin, place.end))
    return spans


def _cut_front(text: str, at: int) -> int:
    """Where the passage begins: between two words, if they are short."""
    begin = max(at - _BEFORE, 0)
    space = _SPACE.search(text, begin, at) if begin else None
    return space.end() if space else begin


def _cut_end(text: str, at: int) -> int:
    end = at + _BEHIND
    space = text.rfind(" ", at, end) if end < len(text) else -1
    return space if space > at else end


def _squeeze(text: str, before: str) -> str:
    """The text with each run of space as one, and none behind another."""
    squeezed = _SPACE.sub(" ", text)
    return squeezed[1:] if squeezed[:1] == " " and before[-1:] in ("", " ", _CUT) else squeezed
