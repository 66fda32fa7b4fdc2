"""A segment while it is read on one thread and settled on another."""

from __future__ import annotations

from functools import partial
from typing import Final

import pytest

from log10_trace.export.spool import segment_format as form
from log10_trace.export.spool.segment import Segment
from log10_trace.export.spool.segment_format import RECORD, STARTED, Entry
from tests.export.interleaving import at_every_moment

SOURCE: Final = "0123456789abcdef0123456789abcdef"
READING: Final = (Segment.pending_entries.__code__, form.scan.__code__)
SETTLING: Final = (Segment.acknowledge.__code__, Segment._advance.__code__)


def segment(*kinds: int) -> tuple[Segment, list[Entry]]:
    """A segment in memory with entries of these kinds, its records numbered 1, 2, 3, ..."""
    made = Segment(SOURCE, 1, memory=bytearray(form.encode_header(SOURCE, 1, 0)))
    assert made.memory is not None
    sequence = 0
    for kind in kinds:
        sequence += kind == RECORD
        head, _ = form.encode_entry_header(made.salt, kind, sequence if kind == RECORD else 0, [b"payload"])
        made.memory += head + b"payload"
    made.size = made.readable_offset = len(made.memory)
    return made, [each for each in made.pending_entries() if isinstance(each, Entry)]


class LongCall:
    """A segment with a call that takes long, two records delivered meanwhile, and one that waits."""

    def __init__(self, *, shown: bool) -> None:
        self.segment, (self.long, first, second, self.last) = segment(STARTED, RECORD, RECORD, RECORD)
        self.found: list[int] = []
        if shown:
            self.segment.hold_back(self.long.start)
        self.segment.acknowledge(first.start, first.end, 1)
        self.segment.acknowledge(second.start, second.end, 2)

    def end(self) -> None:
        """The long call ends, on its own thread."""
        self.segment.acknowledge(self.long.start, self.long.end)

    def read(self) -> None:
        """The worker looks at what waits."""
        self.found = [
            each.sequence
            for each in self.segment.pending_entries()
            if isinstance(each, Entry) and each.sequence
        ]


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_what_was_delivered_is_not_given_out_again_when_a_long_call_ends(shown: bool) -> None:
    """A long call that ends while the worker reads, at whatever moment, brings nothing delivered back."""
    for play in at_every_moment(READING):
        scene = LongCall(shown=shown)

        play(scene.read, scene.end)

        assert scene.found == [3]


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_an_entry_is_never_seen_half_settled(shown: bool) -> None:
    """A worker that reads while a long call is being settled, at whatever moment, sees nothing delivered."""
    for play in at_every_moment(SETTLING):
        scene = LongCall(shown=shown)

        play(scene.end, scene.read)

        assert scene.found in ([3], [])  # in the last turn the end of the play comes first
        assert (scene.segment.acknowledged_offset, scene.segment.acknowledged_sequence) == (
            scene.last.start,
            2,
        )


def test_an_acknowledgement_in_a_signal_handler_sets_nothing_back() -> None:
    """Of three acknowledgements, one inside another at whatever moment, none is undone and none is lost."""
    for play in at_every_moment(SETTLING):
        made, (first, second, third) = segment(RECORD, RECORD, RECORD)
        made.acknowledge(third.start, third.end, 3)

        play(
            partial(made.acknowledge, first.start, first.end, 1),
            partial(made.acknowledge, second.start, second.end, 2),
        )
        made.acknowledge(second.start, second.end, 2)  # in the last turn the end of the play comes first

        assert made.is_fully_acknowledged
        assert not made.has_gaps
        assert made.acknowledged_sequence == 3
