"""One record that is refused does not block the others; a server that takes nothing costs no record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from log10_trace.export import Delivery
from log10_trace.export.delivery.responses import SendResult
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.spool.dead_letters import DeadLetter, DeadLetters
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests import completions_api as does
from tests.completions_api import Behaviour, CompletionsAPI, Exchange
from tests.export.factories import call, config, delivery, keep, settled
from tests.processes import program, until

POISON = "<script>alert(1)</script>"


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def page(status: int, **headers: str) -> Behaviour:
    """Answer as something does that is no completions API."""

    def behave(exchange: Exchange) -> None:
        exchange.answer(status, "Request blocked", **headers)

    return behave


def firewall(blocks: Behaviour, work: Behaviour = does.work) -> Behaviour:
    """Stand before an API that works, and look at the words of what comes."""

    def behave(exchange: Exchange) -> None:
        is_poison = POISON in json.dumps(exchange.request.records, ensure_ascii=False)
        (blocks if is_poison else work)(exchange)

    return behave


def keep_poison(made: Delivery) -> str:
    """Let a call end whose record something in front does not like; its id."""
    (poison,) = keep(made, 1, POISON)
    return poison


def dead_letters(home: Path) -> list[DeadLetter]:
    return list(DeadLetters(home / "spool"))


send = Transport.send


def send_impatiently(
    self: Transport, server: Server, records: Sequence[OutboundRecord], timeout: float
) -> SendResult:
    """Wait for less where the firewall hangs, and for an API that is only slow as long as it takes."""
    is_poison = any(POISON.encode() in record.body for record in records)
    return send(self, server, records, 0.2 if is_poison else timeout)


BLOCKS: dict[str, tuple[Behaviour, int]] = {
    **{
        str(status): (page(status), status)
        for status in (400, 402, 403, 404, 406, 410, 415, 418, 422, 426, 431, 451, 500, 501, 502, 503, 504)
    },
    "200": (page(200), 200),
    "302": (page(302, Location="https://blocked.example.test/"), 302),
    "cut": (does.cut, 0),
    "hang": (does.hang, 0),
}


@pytest.mark.parametrize("has_batches", [True, False], ids=["batches", "single posts"])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_record_that_something_in_front_refuses_is_set_aside(
    api: CompletionsAPI, private_home: Path, monkeypatch: pytest.MonkeyPatch, name: str, has_batches: bool
) -> None:
    """A firewall that blocks one record's words, or hangs on it, costs that record alone."""
    blocks, status = BLOCKS[name]
    api.has_batches = has_batches
    monkeypatch.setattr(Transport, "send", send_impatiently)
    with delivery(api.url, timeout=60.0) as made:
        ids = keep(made, 1)
        assert made.flush(60.0)
        api.behave(firewall(blocks))
        ids += keep(made, 4)
        poison = keep_poison(made)
        ids += keep(made, 5)
        until(lambda: made.flush(0.2) or made.stats().pending == 0, "everything is delivered or set aside")

        assert set(api.rows()) == set(ids)
        assert set(api.times().values()) == {1}
        (letter,) = dead_letters(private_home)
        assert (letter.id, letter.status) == (poison, status)
        assert "while other records are taken" in letter.message
        assert made.stats().dead_letters == 1
        assert settled(made)


@pytest.mark.parametrize("has_batches", [True, False], ids=["batches", "single posts"])
@pytest.mark.parametrize("name", ["403", "502", "cut"])
def test_several_records_in_a_row_are_set_aside(
    api: CompletionsAPI, private_home: Path, name: str, has_batches: bool
) -> None:
    """A few that are refused, next to one another and at the head of everything, block nothing."""
    api.has_batches = has_batches
    api.behave(firewall(BLOCKS[name][0]))
    with delivery(api.url) as made:
        poison = [keep_poison(made) for _ in range(3)]
        ids = keep(made, 8)
        poison.append(keep_poison(made))
        ids += keep(made, 4)
        until(lambda: made.flush(0.2) or set(api.rows()) == set(ids), "the others arrive")
        more = list[str]()
        until(lambda: more.extend(keep(made, 1)) or made.flush(0.2) or not made.stats().pending, "an end")

    assert {letter.id for letter in dead_letters(private_home)} == set(poison)
    assert set(api.rows()) == {*ids, *more}


@pytest.mark.parametrize("name", ["400", "403", "422", "500", "503", "cut"])
def test_a_record_that_is_alone_waits_for_another_to_pass(
    api: CompletionsAPI, private_home: Path, name: str
) -> None:
    """Nobody can tell whose fault it is until another record is taken."""
    api.behave(firewall(BLOCKS[name][0]))
    with delivery(api.url) as made:
        poison = keep_poison(made)
        until(lambda: made.flush(0.1) or made.stats().retries > 6, "it was tried")
        assert (made.stats().pending, dead_letters(private_home)) == (1, [])

        ids = keep(made, 1)
        until(lambda: made.flush(0.1) or api.rows(), "the other passes it")
        until(lambda: ids.extend(keep(made, 1)) or made.flush(0.1) or made.stats().dead_letters, "an end")
        until(lambda: made.flush(0.2) or not made.stats().pending, "what came last is delivered")

        assert set(api.rows()) == set(ids)
        assert [letter.id for letter in dead_letters(private_home)] == [poison]


def test_what_a_dead_process_left_does_not_block_the_next_one(
    api: CompletionsAPI, private_home: Path
) -> None:
    """The next program's records arrive, and so does the rest of what the dead one left."""
    api.behave(firewall(page(403)))
    dead = """
from tests.export.factories import config, keep
from log10_trace.export import Delivery

made = Delivery(config({url!r}, flush_interval=60.0))
print(*keep(made, 1, {poison!r}), *keep(made, 5))
import os, sys
sys.stdout.flush()
os._exit(0)
"""
    left = [program(private_home, dead.format(url=api.url, poison=POISON)).stdout.split() for _ in range(2)]
    with delivery(api.url) as made:
        ids = keep(made, 5)
        until(
            lambda: made.flush(0.2) and len(dead_letters(private_home)) == 2,
            "the next one's records and the dead ones' are delivered or set aside",
        )

        assert made.stats().delivered == 5
        assert made.stats().adopted == 10
    assert {letter.id for letter in dead_letters(private_home)} == {first for first, *_ in left}
    assert set(api.rows()) == {*ids, *(each for _, *rest in left for each in rest)}


def test_dead_processes_that_left_nothing_else_do_not_block_the_others(
    api: CompletionsAPI, private_home: Path
) -> None:
    """More processes than are claimed at a time left a record that is refused; those behind are reached."""
    api.behave(firewall(page(403)))
    dead = """
import os
from tests.export.factories import config, keep
from log10_trace.export import Delivery

for text in [{poison!r}] * 20 + ["hello"] * 3:
    if os.fork() == 0:
        keep(Delivery(config({url!r}, flush_interval=60.0)), 1, text)
        os._exit(0)
    os.wait()
"""
    program(private_home, dead.format(url=api.url, poison=POISON))
    with delivery(api.url) as made:
        made.recover()
        until(lambda: made.flush(0.2) and len(dead_letters(private_home)) == 20, "an end")

        assert made.stats().adopted == 3


@pytest.mark.parametrize(
    "status", [302, 400, 401, 402, 403, 404, 407, 409, 415, 421, 422, 426, 429, 431, 451, 500, 502, 503, 504]
)
@pytest.mark.parametrize("has_batches", [True, False], ids=["batches", "single posts"])
def test_a_refusal_of_everything_costs_no_record(
    api: CompletionsAPI, private_home: Path, status: int, has_batches: bool
) -> None:
    """What refuses all alike says something about address, proxy or route: everything is kept."""
    api.has_batches = has_batches
    api.behave(page(status))
    with delivery(api.url) as made:
        ids = keep(made, 3)
        until(lambda: made.flush(0.05) or made.stats().retries > 8, "it was tried again and again")

        assert (made.stats().pending, dead_letters(private_home)) == (3, [])
        api.behave(does.work)
        until(lambda: made.flush(5.0), "everything is delivered")

        assert set(api.rows()) == set(ids)
        assert made.stats().dead_letters == 0


@pytest.mark.parametrize("failures", range(1, 9))
@pytest.mark.parametrize("code", [500, 503])
def test_an_outage_that_heals_at_any_moment_costs_no_record(
    api: CompletionsAPI, private_home: Path, failures: int, code: int
) -> None:
    """However far the search for a culprit has come, a record that goes through is none."""
    api.behave(does.status(code), times=failures)
    with delivery(api.url) as made:
        ids = keep(made, 4)
        until(lambda: made.flush(5.0), "everything is delivered")

        assert set(api.rows()) == set(ids)
        assert dead_letters(private_home) == []


def test_an_outage_that_comes_back_costs_no_record(api: CompletionsAPI, private_home: Path) -> None:
    """A server that heals for a moment, again and again, has refused nobody's record."""
    with delivery(api.url) as made:
        ids = keep(made, 12)
        for _ in range(4):
            api.behave(does.status(500), times=5)
            api.behave(does.work, times=2)
        until(lambda: made.flush(5.0), "everything is delivered")

        assert set(api.rows()) == set(ids)
        assert dead_letters(private_home) == []


def test_a_server_that_cannot_be_reached_gets_no_smaller_batches(private_home: Path) -> None:
    """Without a connection it is nobody's record that fails: once it is up, all go in one batch."""
    with CompletionsAPI() as api:
        api.down()
        made = Delivery(config(api.url))
        ids = keep(made, 40)
        until(lambda: made.flush(0.05) or made.stats().retries > 10, "it was tried")
        api.up()
        until(lambda: made.flush(5.0), "everything is delivered")

        assert [len(request.records) for request in api.requests] == [40]
        assert api.ended() == ids
        made.close(5.0)


def test_a_call_that_is_too_large_for_the_firewall_alone_is_set_aside(
    api: CompletionsAPI, private_home: Path
) -> None:
    """A size that something in front takes from nobody else is the record's own fault."""

    def behave(exchange: Exchange) -> None:
        if len(exchange.request.body) > 50_000:
            exchange.answer(413, "too large")
        else:
            does.work(exchange)

    api.behave(behave)
    with delivery(api.url) as made:
        ids = keep(made, 4)
        large = call("x" * 100_000)
        made.sink.on_end(large)
        ids += keep(made, 4)
        until(lambda: made.flush(0.2) or made.stats().pending == 0, "an end")

        assert [letter.id for letter in dead_letters(private_home)] == [large.id]
        assert set(api.rows()) == set(ids)


SHORT = """
import sys
from tests.export.factories import config, keep
from log10_trace.export import Delivery

made = Delivery(config({url!r}, exit_timeout=30.0, flush_interval=60.0))
print(*[each for text in {texts!r} for each in keep(made, 1, text)])
made.exit()
"""


@pytest.mark.usefixtures("patient_ends")
@pytest.mark.parametrize("name", ["403", "500", "502", "cut"])
def test_programs_that_end_at_once_do_not_hand_it_on(
    api: CompletionsAPI, private_home: Path, name: str
) -> None:
    """Programs that only deliver when they end narrow it down then, as long as something passes."""
    api.behave(firewall(BLOCKS[name][0]))
    texts = ["a", "b", POISON, "c", "d", "e", "f"]
    ids = program(private_home, SHORT.format(url=api.url, texts=texts)).stdout.split()
    poison = ids.pop(2)

    assert set(api.rows()) == set(ids)
    assert [letter.id for letter in dead_letters(private_home)] == [poison]


@pytest.mark.usefixtures("patient_ends")
def test_a_program_that_ends_delivers_its_own_records_first(api: CompletionsAPI, private_home: Path) -> None:
    """What another one left and is refused comes after them."""
    api.behave(firewall(page(403)))
    program(private_home, SHORT.format(url=api.url, texts=[POISON]))
    (own,) = program(private_home, SHORT.format(url=api.url, texts=["a"])).stdout.split()

    assert list(api.rows()) == [own]
