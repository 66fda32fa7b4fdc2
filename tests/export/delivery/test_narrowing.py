"""How fast the search for a record that fails goes, and how slowly a server that takes nothing is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from log10_trace.export.delivery.backoff import SHRINK_AFTER
from log10_trace.export.delivery.responses import RecordResult, SendResult
from log10_trace.export.delivery.retry import BASE_S, DENIED_DELAY_S, MAX_DELAY_S, Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests.export.factories import call
from tests.export.stepped_process import DONE, Network, Process

BLOCKED = RecordResult(Disposition.DENIED, 403)
BUSY = RecordResult(Disposition.RETRY, 503)
WORDS = b"<script>"


class Firewall(Network):
    """A network that answers whole requests, by what stands in them."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked = BLOCKED
        self.takes_others = True
        self.sizes: list[int] = []

    def send(self, server: Server, records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Refuse what holds the words, or everything."""
        self.sizes.append(len(records))
        if not self.takes_others or any(WORDS in record.body for record in records):
            return SendResult([self.blocked] * len(records))
        self.answers = [DONE]
        return super().send(server, records, timeout)


class Flaky(Firewall):
    """A network that fails now and then, whatever it is given."""

    def __init__(self, share: float, status: int) -> None:
        super().__init__()
        self._random = random.Random(7)
        self._share = share
        self.blocked = RecordResult(Disposition.RETRY, status)

    def send(self, server: Server, records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Refuse this share of the requests."""
        self.takes_others = self._random.random() >= self._share
        return super().send(server, records, timeout)


@pytest.fixture
def network() -> Firewall:
    return Firewall()


@pytest.fixture
def process(tmp_path: Path, network: Firewall) -> Iterator[Process]:
    process = Process(tmp_path, network, [])
    process.now = 1.0
    yield process
    process.die()


def attempts(process: Process, network: Firewall, most: int = 200) -> Iterator[float]:
    """Attempts, each made when it is due; the pause that followed each."""
    for _ in range(most):
        rest = process.worker.seconds_until_due()
        process.now += rest or 0.0
        before = len(network.sizes)
        process.worker.step()
        if len(network.sizes) > before:
            yield max(0.0, process.sender.backoff.not_before - process.now)


@pytest.mark.parametrize("blocked", [BLOCKED, BUSY], ids=["403", "503"])
def test_the_others_pass_within_seconds(process: Process, network: Firewall, blocked: RecordResult) -> None:
    """Pauses do not grow while batches are halved: a hundred wait for no minute."""
    network.blocked = blocked
    for number in range(100):
        process.sink.on_end(call(WORDS.decode() if number == 50 else "hello"))
    begun = process.now
    for _ in attempts(process, network):
        if sum(network.taken.values()) == 99:
            break

    assert sum(network.taken.values()) == 99
    assert process.now - begun < 15.0
    assert process.monitor.counts.dead_letters == 1


def test_a_server_that_takes_nothing_is_asked_once_a_minute(process: Process, network: Firewall) -> None:
    """After the search has come to single records, and none of them passed."""
    network.takes_others = False
    for _ in range(40):
        process.sink.on_end(call())
    pauses = [pause for pause, _ in zip(attempts(process, network), range(30), strict=False)]

    narrowing = network.sizes.index(1)
    assert network.sizes[:narrowing] == [40, 40, 20, 10, 5, 2]
    assert max(pauses[:narrowing]) <= BASE_S * 2**SHRINK_AFTER
    assert all(pause >= DENIED_DELAY_S / 2 for pause in pauses[-10:])
    assert process.monitor.counts.dead_letters == 0


def test_a_server_that_is_busy_is_asked_as_ever(process: Process, network: Firewall) -> None:
    """An outage keeps its pauses of at most ten seconds, however long it takes."""
    network.takes_others, network.blocked = False, BUSY
    for _ in range(40):
        process.sink.on_end(call())
    pauses = [pause for pause, _ in zip(attempts(process, network), range(60), strict=False)]

    assert all(MAX_DELAY_S / 4 <= pause <= MAX_DELAY_S for pause in pauses[-10:])
    network.takes_others = True
    for _ in attempts(process, network, most=20):
        pass
    assert sum(network.taken.values()) == 40
    assert process.monitor.counts.dead_letters == 0


def test_the_next_record_does_not_wait_for_the_pause_of_one_that_fails(
    process: Process, network: Firewall, tmp_path: Path
) -> None:
    """What was lacking, another record to try, has come; when that fails too, the pause holds."""
    process.sink.on_end(call(WORDS.decode()))
    for pause in attempts(process, network):
        if pause >= DENIED_DELAY_S / 2:
            break
    assert not network.taken

    process.sink.on_end(call())
    waited = process.worker.seconds_until_due()
    for _ in attempts(process, network, most=5):
        pass

    assert waited == 0.0
    assert sum(network.taken.values()) == 1
    assert len(DeadLetters(tmp_path)) == 1


def test_records_that_come_in_an_outage_do_not_hurry_it(process: Process, network: Firewall) -> None:
    """Where two records failed alike, a third one changes nothing about the pause."""
    network.takes_others = False
    process.sink.on_end(call())
    process.sink.on_end(call())
    for pause in attempts(process, network):
        if pause >= DENIED_DELAY_S / 2:
            break

    process.sink.on_end(call())

    process.worker.seconds_until_due()
    assert process.sender.backoff.not_before - process.now > DENIED_DELAY_S / 4


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_server_that_fails_at_random_costs_no_healthy_record(
    tmp_path: Path, share: float, status: int
) -> None:
    """A record that fails alone and then passes shows that the next one's failures mean little."""
    network = Flaky(share, status)
    process = Process(tmp_path, network, [])
    process.now = 1.0
    for _ in range(300):
        process.sink.on_end(call())
        for _ in attempts(process, network, most=3):
            pass
    for _ in attempts(process, network, most=300):
        pass

    assert sum(network.taken.values()) == 300
    assert process.monitor.counts.dead_letters == 0
    process.die()


def test_a_record_that_fails_is_found_on_a_server_that_fails_at_random(tmp_path: Path) -> None:
    """It takes longer there, and the others pass meanwhile."""
    network = Flaky(0.2, 500)
    process = Process(tmp_path, network, [])
    process.now = 1.0
    for number in range(300):
        process.sink.on_end(call(WORDS.decode() if number in (30, 31, 60) else "hello"))
        for _ in attempts(process, network, most=5):
            pass
    for _ in attempts(process, network, most=300):
        pass

    assert sum(network.taken.values()) == 297
    assert process.monitor.counts.dead_letters == 3
    process.die()
