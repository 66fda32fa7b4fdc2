"""The calls of a server that were not sent yet: all of them once, then, while following, the new ones."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from log10_trace.cli.forwarding import BegunBatch, ForwardCounts, ForwardSender
from log10_trace.cli.sent_calls import SentCalls
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.domain.byte_lines import split_lines
from log10_trace.domain.call_times import read_began_ms
from log10_trace.domain.json_values import read_text
from log10_trace.domain.times import parse_rfc3339_ms, rfc3339
from log10_trace.export.delivery.otlp_transport import BATCH_ITEMS
from log10_trace.export.spool.outbound_record import OutboundRecord

BATCH_BYTES: Final = 4 * 1024 * 1024
LATE_MS: Final = 30_000
"""How late a call may be delivered to be found by the next look."""
RESCAN_S: Final = 600.0
"""After this time, or twenty times as long as it takes, all are looked through again: some came later."""
_RESCAN_PART: Final = 20
LONG_MS: Final = 3_600_000
"""Calls that run for longer are left to the next time that all are looked through."""

_ID: Final = re.compile(rb'\{"id":"([0-9A-Za-z_-]+)"')


class ForwardScan:
    """Reads a server's calls, the oldest first, and has those sent that were not."""

    def __init__(
        self,
        client: Log10,
        filters: Filters,
        sender: ForwardSender,
        sent: SentCalls,
        counts: ForwardCounts,
        *,
        moved_on: Callable[[int], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read from ``client`` what passes the filters; ``moved_on`` is told how many calls are through."""
        self._client = client
        self._filters = filters
        self._sender = sender
        self._sent = sent
        self._counts = counts
        self._moved_on = moved_on
        self._clock = clock
        self._newest_ms = 0
        self._running: dict[str, int] = {}
        """Calls that had not ended, and when they began."""
        self._settled: set[str] = set()
        """Calls that were not sent and are not tried again: refused, or another's."""
        self._rescan_at = 0.0
        self._underway: BegunBatch | None = None

    def scan_all(self) -> None:
        """Look through every call that passes the filters."""
        began = self._clock()
        self._running.clear()
        self._counts.known = self._scan(self._filters)
        took = self._clock() - began
        self._rescan_at = self._clock() + max(RESCAN_S, _RESCAN_PART * took)

    def scan_news(self) -> None:
        """Look through the latest calls, and now and then through all: some were delivered late."""
        if self._clock() >= self._rescan_at:
            self.scan_all()
            return
        running = [ms for ms in self._running.values() if ms >= self._newest_ms - LONG_MS]
        since_ms = max(0, min([self._newest_ms - LATE_MS, *running]))
        filters = self._filters.copy()
        filters["since"] = _later(filters.get("since"), rfc3339(since_ms))
        self._scan(filters)

    def _scan(self, filters: Filters) -> int:
        """Send what was not sent; how many were."""
        known, room = 0, BATCH_BYTES
        batch: list[OutboundRecord] = []
        with self._finishing():
            for line in split_lines(self._client.completions.export(order="oldest", **filters)):
                if self._underway is not None and self._underway.has_ended:
                    self._finish()
                call_id = _read_id(line)
                if call_id in self._sent or call_id in self._settled:
                    known += call_id in self._sent
                    self._moved_on(1)
                    continue
                batch.append(OutboundRecord(call_id, (line,)))
                room -= len(line)
                if len(batch) >= BATCH_ITEMS or room <= 0:
                    self._send(batch)
                    batch, room = [], BATCH_BYTES
            if batch:
                self._send(batch)
        self._counts.running = len(self._running)
        return known

    def _send(self, batch: list[OutboundRecord]) -> None:
        """Begin to send these, once those before them are settled."""
        request = self._sender.make_request(batch)
        self._finish()
        self._underway = self._sender.begin(batch, request)

    @contextmanager
    def _finishing(self) -> Iterator[None]:
        """Settle at the end of the block what is under way, also when the server fails; at Ctrl-C note it."""
        try:
            yield
        except Exception:
            self._finish()
            raise
        except KeyboardInterrupt:
            if self._underway is not None:
                self._sender.note_answer(self._underway)
            raise
        self._finish()

    def _finish(self) -> None:
        """Settle the batch that is under way."""
        begun, self._underway = self._underway, None
        if begun is None:
            return
        waiting = set(self._sender.finish(begun))
        for record in begun.records:
            self._running.pop(record.id, None)
            if record.id in waiting:
                self._running[record.id] = _read_began_ms(record.body)
            elif record.id not in self._sent:
                self._settled.add(record.id)
        self._newest_ms = max(self._newest_ms, _read_began_ms(begun.records[-1].body))
        self._moved_on(len(begun.records))


def _read_id(line: bytes) -> str:
    """The id of a record, which stands first in what the server writes."""
    found = _ID.match(line)
    return found[1].decode() if found else read_text(json.loads(line).get("id"))


def _read_began_ms(line: bytes) -> int:
    fields = json.loads(line, parse_int=str)
    return read_began_ms(read_text(fields.get("id")), fields.get("created_at")) or 0


def _later(stated: datetime | str | None, since: str) -> str:
    """The later of two times; RFC 3339 in UTC as both are, unless the first is another text."""
    stated_ms = parse_rfc3339_ms(str(stated)) if stated is not None else None
    since_ms = parse_rfc3339_ms(since) or 0
    return str(stated) if stated_ms is not None and stated_ms > since_ms else since
