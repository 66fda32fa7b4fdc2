"""The records of large entries: made once for all attempts, within a bound."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from log10_trace.export.delivery.outbound_cache import LARGE_BYTES, OutboundCache
from log10_trace.export.spool import serialization
from log10_trace.export.spool.backlog import Backlog, PendingEntry
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.segment_format import COMPLETED, RECORD, STARTED, Entry
from log10_trace.record.call import Call
from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import call, delivery, keep
from tests.processes import until


class Making:
    """A backlog that counts the records which it makes."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def serialize(self, item: PendingEntry) -> OutboundRecord:
        """A record that is named by the sequence of its entry."""
        self.made.append(item.entry.sequence)
        return OutboundRecord(str(item.entry.sequence), (b"x" * 100,))


def item(sequence: int, size: int = LARGE_BYTES, kind: int = RECORD) -> PendingEntry:
    return PendingEntry(cast(Any, None), Entry(kind, sequence, b"p" * size, 0, size), "source")


def get(cache: OutboundCache, backlog: Making, *items: PendingEntry) -> list[str]:
    return [cache.get(cast(Backlog, backlog), each).id for each in items]


def test_a_large_entry_is_made_into_a_parcel_once() -> None:
    """Until it is settled; every record has its own."""
    cache, backlog = OutboundCache(), Making()

    assert get(cache, backlog, item(1), item(2), item(1), item(2)) == ["1", "2", "1", "2"]
    assert backlog.made == [1, 2]
    cache.discard([item(1)])
    get(cache, backlog, item(1), item(2))
    assert backlog.made == [1, 2, 1]


def test_small_entries_and_started_calls_are_not_kept() -> None:
    """The first are quickly made, and the others have no number that names them."""
    cache, backlog = OutboundCache(), Making()

    get(cache, backlog, *[item(1, LARGE_BYTES - 1)] * 2, *[item(0, kind=STARTED)] * 2)

    assert backlog.made == [1, 1, 0, 0]


@pytest.mark.parametrize(("room", "made"), [(250, [1, 2, 3, 1]), (99, [1, 2, 3, 3, 2, 1]), (300, [1, 2, 3])])
def test_the_oldest_go_when_there_is_no_room(room: int, made: list[int]) -> None:
    """Records of at most so many bytes are kept; larger ones never are."""
    cache, backlog = OutboundCache(room), Making()

    get(cache, backlog, item(1), item(2), item(3), item(3), item(2), item(1))

    assert backlog.made == made


def long_stream() -> Call:
    """A call whose answer came in very many pieces."""
    made = call()
    piece = {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": "x"}}],
    }
    made.chunks = [f"data: {json.dumps(piece)}\n\n".encode() * 5_000]
    made.streamed, made.content_type = True, "text/event-stream"
    return made


def test_a_long_stream_is_folded_once_though_it_is_sent_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is away for three attempts; the record arrives whole, and those after it too."""
    folded: list[str] = []
    to_pieces = serialization.to_pieces

    def counted(made: Call) -> Sequence[bytes]:
        folded.append(made.id)
        return to_pieces(made)

    monkeypatch.setattr(serialization, "to_pieces", counted)
    with CompletionsAPI() as api, delivery(api.url) as made:
        api.behave(does.status(503), times=3)
        stream = long_stream()
        made.sink.on_end(stream)
        until(lambda: made.flush(1.0), "it is delivered")
        after = keep(made, 2)
        until(lambda: made.flush(1.0), "the others are delivered")

        assert len(api.requests) >= 4
        assert folded.count(stream.id) == 1
        assert set(api.rows()) == {stream.id, *after}
        assert api.rows()[stream.id]["response"]["choices"][0]["message"]["content"] == "x" * 5_000


def test_a_conclusion_is_another_entry_than_the_call_that_began() -> None:
    """What was sent of a running call is never sent as its end."""
    cache, backlog = OutboundCache(), Making()

    get(cache, backlog, item(0, kind=STARTED), item(1, kind=COMPLETED))

    assert backlog.made == [0, 1]
