"""Accumulates the events of a streamed response into the unstreamed response."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from log10_trace.record.accumulate_items import ItemAccumulator, Object
from log10_trace.record.accumulate_text import Places

ENDS: Final = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


def accumulate(events: Iterable[Object]) -> Object:
    """The response that the event which ends the stream carries whole; else as far as it came."""
    response = ResponseAccumulator()
    for event in events:
        response.add(event)
    return response.finish()


class ResponseAccumulator:
    """One response, event by event."""

    def __init__(self) -> None:
        self._last: Object = {"object": "response"}
        self._ended = False
        self._items = ItemAccumulator()

    @property
    def lossy(self) -> bool:
        """Whether the response lacks something that an event had."""
        output = self._last.get("output")
        # The last event holds the response whole, whatever single events before it had.
        if self._ended and isinstance(output, list) and output:
            return len(output) < len(self._items)
        return self._items.lossy

    def add(self, event: Object) -> None:
        """Add the next event; its objects may become the response's."""
        response = event.get("response")
        if isinstance(response, dict):
            ends = event.get("type") in ENDS
            # What follows the end must not take the response back to one in progress.
            if ends or not self._ended:
                self._last, self._ended = response, ends
        else:
            self._items.add(event)

    def find_places(self, event: Object) -> Places | None:
        """The texts that ``add`` would add values of this event to; None when it would do more than that."""
        return None if isinstance(event.get("response"), dict) else self._items.find_places(event)

    def finish(self) -> Object:
        """The response as far as it came; ``add`` is not called afterwards."""
        output = self._last.get("output")
        # Some servers end with an empty output, and some fail in the middle of it: then the items that came
        # stand.
        if self._ended and output:
            return self._last
        return {**self._last, "output": self._items.finish() or output or []}
