"""One attempt to send what waits in a backlog, and what follows for each record from the answers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from log10_trace.export.answer import Answer, Parcel
from log10_trace.export.backlog import Backlog, Item
from log10_trace.export.gate import Gate
from log10_trace.export.letters import DeadLetter, DeadLetters
from log10_trace.export.pace import Pace
from log10_trace.export.parcels import unreadable
from log10_trace.export.retry import Verdict
from log10_trace.export.transport import BATCH_ITEMS, Server, Transport
from log10_trace.guard import say_once_a_minute

BATCH_BYTES: Final = 4 * 1024 * 1024
"""So many bytes of records are read back for one attempt, unless a single one is larger."""

_UNAUTHORIZED: Final = 401
_POISON: Final = Answer(
    Verdict.REFUSED, 500, "server_error", "the server fails on this record and takes others"
)
_UNREADABLE: Final = Answer(Verdict.REFUSED, 0, "unreadable", "nothing could be made of this entry")


class Sender:
    """Sends from backlogs, at the pace that the server allows."""

    def __init__(
        self,
        transport: Transport,
        letters: DeadLetters,
        gate: Gate,
        *,
        batch_bytes: int = BATCH_BYTES,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.pace = Pace(BATCH_ITEMS)
        self.transport = transport
        self._letters = letters
        self._gate = gate
        self._batch_bytes = batch_bytes
        self._clock = clock
        self._draw = draw

    def attempt(self, server: Server, backlog: Backlog, timeout: float) -> bool:
        """Send the next records of the backlog; false when none wait there. ``timeout`` is one request's."""
        most = self.pace.items(self.transport.most_items(server))
        probing = self.pace.probing
        try:
            items = backlog.read(most + probing, self._batch_bytes)
            if not items:
                return False
            if probing and len(items) > 1:
                self._probe(server, backlog, items, timeout)
            else:
                self._send(server, backlog, items, timeout)
        finally:
            backlog.release()
        return True

    def unreachable(self) -> None:
        """There is no server to send to: look again soon, which costs little."""
        self.pace.absent(self._clock())

    def _probe(self, server: Server, backlog: Backlog, items: list[Item], timeout: float) -> None:
        """Send the second record; when that goes through, the first is what the server fails on."""
        if self._send(server, backlog, items[1:2], timeout):
            self._set_aside(server, backlog, items[0], backlog.parcel(items[0]), _POISON)

    def _send(self, server: Server, backlog: Backlog, items: list[Item], timeout: float) -> bool:
        """Whether the server has taken any of these."""
        pairs = [(item, backlog.parcel(item)) for item in items]
        for item, parcel in pairs:
            if not parcel.body:
                parcel.body = unreadable(item.entry)
                self._set_aside(server, backlog, item, parcel, _UNREADABLE)
                return True
        outcome = self.transport.send(server, [parcel for _, parcel in pairs], timeout)
        self._settle(server, backlog, pairs, outcome.answers)
        if any(answer.status == _UNAUTHORIZED for answer in outcome.answers):
            backlog.key_refused()
        return self._set_pace(server, outcome.answers, outcome.retry_after)

    def _settle(
        self,
        server: Server,
        backlog: Backlog,
        pairs: Sequence[tuple[Item, Parcel]],
        answers: Sequence[Answer],
    ) -> None:
        """Be done with every record that was answered for good."""
        done: list[Item] = []
        for (item, parcel), answer in zip(pairs, answers, strict=True):
            too_large = answer.verdict is Verdict.TOO_LARGE and len(pairs) == 1
            if answer.verdict is Verdict.DONE:
                done.append(item)
            elif answer.verdict is Verdict.REFUSED or too_large:
                self._set_aside(server, backlog, item, parcel, answer)
        records = [item for item in done if item.entry.sequence]
        backlog.delivered(done)
        with self._gate:
            own = sum(1 for item in records if item.source in self._gate.sources)
            self._gate.counts.delivered += own
            self._gate.counts.adopted += len(records) - own

    def _set_aside(
        self, server: Server, backlog: Backlog, item: Item, parcel: Parcel, answer: Answer
    ) -> None:
        """Keep a record that was refused as a dead letter, with the reason."""
        letter = DeadLetter(
            id=parcel.id,
            source=item.source,
            sequence=item.entry.sequence,
            url=server.url,
            status=answer.status,
            code=answer.code,
            message=answer.message,
            completion=parcel.body,
        )
        try:
            self._letters.put(letter)
        except OSError as error:
            say_once_a_minute("log10_trace: a dead letter cannot be written (%s); its record waits", error)
            return
        backlog.settle([item])
        with self._gate:
            is_own = item.source in self._gate.sources
            self._gate.counts.dead_letters += bool(is_own and item.entry.sequence)
        say_once_a_minute(
            "log10_trace: %s refused a record (%s %s). See: log10-trace spool dead-letters",
            server.url, answer.status, answer.code,
        )  # fmt: skip

    def _set_pace(self, server: Server, answers: Sequence[Answer], retry_after: float) -> bool:
        worst = next((each for each in answers if each.verdict in (Verdict.AGAIN, Verdict.DENIED)), None)
        if any(each.verdict in (Verdict.DONE, Verdict.REFUSED) for each in answers):
            self.pace.succeeded()
        if any(each.verdict is Verdict.TOO_LARGE for each in answers) and len(answers) > 1:
            self.pace.too_large(len(answers))
        if worst is not None:
            now, draw = self._clock(), self._draw()
            self.pace.failed(
                worst.verdict, worst.status, len(answers), now=now, draw=draw, retry_after=retry_after
            )
            with self._gate:
                self._gate.counts.retries += 1
            self._say(server, worst)
        return any(each.verdict is Verdict.DONE for each in answers)

    def _say(self, server: Server, worst: Answer) -> None:
        if worst.verdict is not Verdict.DENIED:
            message = "log10_trace: %s cannot be reached or is busy (%s); records are kept and sent again"
            say_once_a_minute(message, server.url, worst.status or worst.message)
            return
        message = "log10_trace: no completions API is at %s (HTTP %s); records are kept. Check LOG10_URL"
        if worst.status in (401, 403):
            message = "log10_trace: %s does not take the key (HTTP %s); records are kept. Check LOG10_TOKEN"
        say_once_a_minute(message, server.url, worst.status)
