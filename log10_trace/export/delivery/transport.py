"""Requests to the completions API: sends records, and reads the result of each.

No threads and no retries here: one call of ``send`` is one attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from log10_trace import __version__
from log10_trace.export.delivery.http_exchange import COMPRESS_FROM_BYTES, HttpExchange, compress
from log10_trace.export.delivery.reporter import Reporter
from log10_trace.export.delivery.responses import (
    RecordResult,
    SendResult,
    parse_batch_results,
    result_for_batch,
    result_for_record,
    retry_after_of,
)
from log10_trace.export.delivery.retry import Disposition, is_missing_endpoint
from log10_trace.export.delivery.server import Server
from log10_trace.export.http.connection import Request
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.network import is_loopback
from log10_trace.unpatched import time

BATCH_ITEMS: Final = 500
SINGLE_ITEMS: Final = 16
"""So few at a time, where each is a request, that stop and flush are heard in between."""
BATCHES_AGAIN_S: Final = 300.0
"""A server that took no batches is asked again after this time: it may have been restarting."""
_COMPLETIONS: Final = "/api/v1/completions"
_BATCH: Final = f"{_COMPLETIONS}/batch"
_CONFLICT: Final = 409
_NOT_OF_ENDPOINT: Final = (401, 403, 407, 421)
"""Statuses that would be the same for every endpoint."""


class Transport(HttpExchange):
    """Sends records to a server over one connection that is kept open. Used by one thread at a time."""

    reporter: Reporter | None = None

    def __init__(
        self, progress: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Call ``progress`` whenever the network has moved: connected, sent, answered."""
        super().__init__(progress)
        self._clock = clock
        self._takes_batches: set[str] = set()
        self._single_until: dict[str, float] = {}
        """Until when the servers that take no batches get single posts, on ``clock``."""

    def max_items(self, server: Server) -> int:
        """How many records are worth handing over at a time."""
        return SINGLE_ITEMS if self._is_single(server) else BATCH_ITEMS

    def send(self, server: Server, records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Try once to hand these records over; ``timeout`` is the seconds that one request may take."""
        if self._is_single(server):
            return self._send_singly(server, records, timeout)
        # One record a line: the server answers each of them, so that one bad record costs no other.
        reply = self._post(server, _BATCH, _write_lines(records), timeout, "application/x-ndjson")
        if isinstance(reply, RecordResult):
            return SendResult([reply] * len(records))
        answers = parse_batch_results(reply, [record.id for record in records])
        if answers is not None:
            self._takes_batches.add(server.url)
            return SendResult(answers, retry_after_of(reply))
        answer = result_for_batch(reply)
        if self._may_lack_batches(server, answer):
            outcome = self._send_singly(server, records, timeout)
            # Only when single posts go through: a server that takes nothing says nothing about batches.
            if any(
                result.disposition in (Disposition.DONE, Disposition.REJECTED) for result in outcome.answers
            ):
                self._takes_batches.discard(server.url)
                self._single_until[server.url] = self._clock() + BATCHES_AGAIN_S
            return outcome
        if answer.disposition is Disposition.REJECTED and len(records) > 1:
            answer = replace(answer, disposition=Disposition.TOO_LARGE)  # split, to see which of them it is
        return SendResult([answer] * len(records), retry_after_of(reply))

    def probe(self, server: Server, timeout: float) -> RecordResult:
        """What a delivery without records meets: ``DONE`` where records would be taken.

        Also where there are no batches: what single posts meet shows only with a record.
        """
        reply = self._post(server, _BATCH, (), timeout, "application/x-ndjson")
        if isinstance(reply, RecordResult):
            return reply
        if parse_batch_results(reply, []) is not None or is_missing_endpoint(reply.status):
            return RecordResult(Disposition.DONE, reply.status)
        return result_for_batch(reply)

    def _is_single(self, server: Server) -> bool:
        """Whether the server is one that takes no batches, at this time."""
        return self._clock() < self._single_until.get(server.url, 0.0)

    def _may_lack_batches(self, server: Server, answer: RecordResult) -> bool:
        """Whether another endpoint may have answered, such as an upsert of a record named "batch"."""
        if is_missing_endpoint(answer.status):
            return True
        # Where batches were taken before, a refusal is not about the endpoint.
        is_of_endpoint = answer.status not in _NOT_OF_ENDPOINT
        is_denied = answer.disposition in (Disposition.DENIED, Disposition.REJECTED)
        return server.url not in self._takes_batches and is_denied and is_of_endpoint

    def _send_singly(self, server: Server, records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """One post for each of the first few records, until one fails."""
        answers: list[RecordResult] = []
        retry_after = 0.0
        for record in records[:SINGLE_ITEMS]:
            reply = self._post_one(server, record, timeout)
            answers.append(reply if isinstance(reply, RecordResult) else result_for_record(reply, record))
            if answers[-1].disposition in (Disposition.RETRY, Disposition.DENIED):
                retry_after = retry_after_of(reply) if isinstance(reply, HttpReply) else 0.0
                break
        unsent = [RecordResult(Disposition.UNSENT)] * (len(records) - len(answers))
        return SendResult(answers + unsent, retry_after, is_single=True)

    def _post_one(self, server: Server, record: OutboundRecord, timeout: float) -> HttpReply | RecordResult:
        """The reply to one record; it is written over what the server has under its id."""
        path = f"{_COMPLETIONS}/{record.id}" if record.update else _COMPLETIONS
        reply = self._post(server, path, record.pieces, timeout, "application/json")
        # It arrived before, and the answer did not. The id is the record's own, so nothing is there twice.
        if isinstance(reply, HttpReply) and reply.status == _CONFLICT and not record.update:
            path = f"{_COMPLETIONS}/{record.id}"
            reply = self._post(server, path, record.pieces, timeout, "application/json")
        return reply

    def _post(
        self, server: Server, path: str, pieces: Sequence[bytes], timeout: float, content_type: str
    ) -> HttpReply | RecordResult:
        """The server's reply, or ``RETRY`` when none came."""
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": f"log10-trace/{__version__}",
        }
        if server.token:
            headers["X-Log10-Token"] = server.token
        if server.organization_id:
            headers["X-Log10-Organization"] = server.organization_id
        # On this machine there is no wire to spare, and compression only costs time.
        size = sum(map(len, pieces))
        if path == _BATCH and size >= COMPRESS_FROM_BYTES and not is_loopback(server.url):
            headers["Content-Encoding"] = "gzip"
            pieces = (compress(pieces),)
        return self.exchange(server, Request("POST", path, list(headers.items()), pieces), timeout)

    def get(self, server: Server, path: str, timeout: float) -> HttpReply | RecordResult:
        """The answer to a question; ``RETRY`` when none came within ``timeout`` seconds."""
        return self.exchange(server, Request("GET", path, [("Accept", "application/json")]), timeout)


def _write_lines(records: Sequence[OutboundRecord]) -> list[bytes]:
    """The records, one a line, in pieces: small records are joined, large ones are sent as they are."""
    pieces, small = list[bytes](), list[bytes]()
    for record in records:
        if len(record.pieces) == 1:
            small += (record.pieces[0], b"\n")
        else:
            first, *others = record.pieces
            pieces += (b"".join([*small, first]), *others)
            small = [b"\n"]
    return [*pieces, b"".join(small)]
