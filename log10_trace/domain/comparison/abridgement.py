"""The segments of a difference with long equal text cut to what stands beside a change. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from log10_trace.domain.comparison.text_difference import Segment


@dataclass(frozen=True, slots=True)
class EqualText:
    """Equal text that is not shown in full."""

    text: str


def abridge_segments(segments: Sequence[Segment], context: int) -> Iterator[Segment | EqualText]:
    """The segments; of equal text only ``context`` characters before and after a change stay a segment."""
    for at, segment in enumerate(segments):
        head = context if at else 0
        tail = context if at < len(segments) - 1 else 0
        if not segment.is_equal or len(segment.a) <= head + tail + context:
            yield segment
            continue
        end = len(segment.a) - tail
        if head:
            yield Segment(segment.a[:head], segment.a[:head])
        yield EqualText(segment.a[head:end])
        if tail:
            yield Segment(segment.a[end:], segment.a[end:])
