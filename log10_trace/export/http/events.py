"""The events of an HTTP answer as they come off a stream, before a deadline and of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import h11

from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.streams import Stream

ANSWER_MAX_BYTES: Final = 4 * 1024 * 1024


def read_events(http: h11.Connection, stream: Stream, deadline: Deadline) -> Iterator[h11.Event]:
    """What the server says, piece by piece, up to the end of its answer.

    Raises:
        RemoteProtocolError: it is not HTTP.
        OSError: the connection ended before the answer did, the deadline passed, or the answer does not end.
    """
    received = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            piece = stream.receive(deadline)
            if not piece and http.their_state is h11.SEND_RESPONSE:
                raise ConnectionResetError("the server closed the connection without an answer")
            received += len(piece)
            if received > ANSWER_MAX_BYTES:
                raise ConnectionError("the response has no end")
            http.receive_data(piece)
            continue
        if not isinstance(event, h11.Event):
            raise ConnectionError("the server went on to something other than HTTP")
        yield event
        if isinstance(event, h11.EndOfMessage):
            return
