"""What follows from a server's answers: sent again, split, set aside with the reason, or waited for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace.export import Delivery
from log10_trace.export.delivery import retry, transport
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.sender import Sender
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests import completions_api as does
from tests.completions_api import CompletionsAPI, Exchange
from tests.export.factories import call, config, delivery, keep, settled
from tests.processes import until


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def too_large(limit: int) -> does.Behaviour:
    """Refuse batches of more than ``limit`` records for their size."""

    def behave(exchange: Exchange) -> None:
        if len(exchange.request.records) > limit:
            exchange.answer(413, {"code": "too_large", "message": "too large"})
        else:
            does.work(exchange)

    return behave


def fails_on(poison: str) -> does.Behaviour:
    """Answer 500 to every request that holds the record of this text."""

    def behave(exchange: Exchange) -> None:
        if any(poison in json.dumps(record) for record in exchange.request.records):
            exchange.answer(500, {"code": "server_error", "message": "crashed"})
        else:
            does.work(exchange)

    return behave


def test_batches_that_are_too_large_are_split(api: CompletionsAPI) -> None:
    """A server that takes few records at a time gets few at a time, in order."""
    api.behave(too_large(3))
    with delivery(api.url) as made:
        ids = keep(made, 20)
        until(lambda: made.flush(5.0), "everything is delivered")

        assert api.ended() == ids
        assert made.stats().dead_letters == 0


def test_a_record_that_is_too_large_alone_is_set_aside(api: CompletionsAPI) -> None:
    """Where even one record is too large, it becomes a dead letter."""
    api.behave(too_large(0))
    with delivery(api.url) as made:
        keep(made, 2)
        until(lambda: made.stats().dead_letters == 2, "both are set aside")

        assert settled(made)


@pytest.mark.parametrize("has_batches", [True, False], ids=["batches", "single posts"])
def test_one_refused_record_does_not_stop_the_others(
    api: CompletionsAPI, private_home: Path, has_batches: bool
) -> None:
    """The record that the server refuses is kept with the reason, counted; the rest goes on."""
    api.has_batches = has_batches
    api.refusal = lambda record: (
        (422, {"code": "invalid", "message": "no", "field": "request"}) if record["sequence"] == 3 else None
    )
    # Nothing is sent before the flush: what it returns says whether a record was lost since it began.
    with delivery(api.url, flush_interval=3600.0) as made:
        ids = keep(made, 6)
        assert not made.flush(60.0)

        (letter,) = DeadLetters(private_home / "spool")
        assert (letter.id, letter.sequence, letter.status) == (ids[2], 3, 422)
        assert (letter.code, letter.message) == ("invalid", "request: no")
        assert json.loads(letter.completion)["id"] == ids[2]
        assert set(api.rows()) == set(ids) - {ids[2]}
        assert made.stats().dead_letters == 1
        assert settled(made)


def test_a_record_that_crashes_the_server_does_not_stop_the_others(api: CompletionsAPI) -> None:
    """A record on which the server fails while it takes others is found, and set aside."""
    api.behave(fails_on("poison"))
    with delivery(api.url) as made:
        ids = keep(made, 3)
        poison = call("poison")
        made.sink.on_end(poison)
        ids += keep(made, 3)
        until(lambda: made.flush(0.3) or not made.stats().pending, "the others are delivered")

        assert set(api.rows()) == set(ids)
        assert made.stats().dead_letters == 1
        assert settled(made)


def test_one_connection_serves_them_all(api: CompletionsAPI) -> None:
    """In steady state there is one connection, kept open."""
    with delivery(api.url, flush_interval=3600.0) as made:
        for _ in range(5):
            keep(made, 5)
            assert made.flush(60.0)

    assert len(api.requests) == 5
    assert {request.connection for request in api.requests} == {1}


def test_a_server_without_batches_is_asked_once(api: CompletionsAPI) -> None:
    """Whether the server takes batches is decided once, not for every record."""
    api.has_batches = False
    with delivery(api.url) as made:
        keep(made, 5)
        assert made.flush(60.0)
        keep(made, 5)
        assert made.flush(60.0)

    assert [request.path.endswith("/batch") for request in api.requests].count(True) == 1
    assert len(api.rows()) == 10


def test_a_door_that_takes_batch_for_an_id_is_not_taken_for_one(api: CompletionsAPI) -> None:
    """A server that answers 200 to anything, but without results, gets single posts."""
    api.behave(lambda exchange: (exchange.store(), exchange.answer(200, {"id": "batch"}))[0], times=1)
    with delivery(api.url) as made:
        ids = keep(made, 3)
        assert made.flush(60.0)

    assert set(api.rows()) == set(ids)
    assert api.requests[-1].path == "/api/v1/completions"


def test_the_key_and_the_organization_go_with_every_request(api: CompletionsAPI) -> None:
    """The headers that the API asks for are there, and say who we are."""
    with delivery(api.url, token="k", organization_id="o") as made:
        keep(made, 1)
        assert made.flush(60.0)

    headers = api.requests[0].headers
    assert (headers["x-log10-token"], headers["x-log10-organization"]) == ("k", "o")
    assert headers["user-agent"].startswith("log10-trace/")


@pytest.mark.parametrize(("is_loopback", "encoding"), [(True, None), (False, "gzip")])
def test_batches_are_compressed_when_it_pays(
    api: CompletionsAPI, monkeypatch: pytest.MonkeyPatch, is_loopback: bool, encoding: str | None
) -> None:
    """Batches to other machines are compressed; on this machine that would only cost time."""
    monkeypatch.setattr(transport, "is_loopback", lambda url: is_loopback)
    # So long that nothing is sent before the flush: a request with a single record is not compressed.
    with delivery(api.url, flush_interval=3600.0) as made:
        ids = keep(made, 10)
        assert made.flush(60.0)

    assert api.requests[0].headers.get("content-encoding") == encoding
    assert api.ended() == ids


def test_a_record_that_the_server_has_already_is_updated(api: CompletionsAPI) -> None:
    """Where creating conflicts, the record is written over what is there."""
    api.has_batches = False
    seen: list[str] = []

    def conflicting(exchange: Exchange) -> None:
        seen.append(exchange.request.path)
        if exchange.request.path.endswith("/completions"):
            exchange.answer(409, {"code": "exists", "message": "there"})
        else:
            does.work(exchange)

    api.behave(does.work, times=1)
    api.behave(conflicting)
    with delivery(api.url) as made:
        (one,) = keep(made, 1)
        assert made.flush(60.0)

    assert seen == ["/api/v1/completions", f"/api/v1/completions/{one}"]


def test_an_answer_without_end_is_not_waited_for(api: CompletionsAPI) -> None:
    """A server that answers more than anybody needs is left alone, and its answer is not kept."""

    def endless(exchange: Exchange) -> None:
        exchange.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while not exchange.api.closing.is_set():
            exchange.handler.wfile.write(b"x" * 65536)

    api.behave(endless)
    outcome = Transport().send(Server(url=api.url), [OutboundRecord("1", (b'{"id":"1"}',))], 5.0)

    assert [answer.disposition for answer in outcome.answers] == [Disposition.RETRY]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "done"), (201, "done"), (207, "done"), (302, "denied"), (400, "refused"), (401, "denied"),
        (403, "denied"), (408, "again"), (413, "too large"), (422, "refused"), (425, "again"), (429, "again"),
        (500, "again"), (503, "again"), (507, "again"),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, expected: str) -> None:
    """The table of verdicts."""
    assert retry.disposition_of(status).value == expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0), ("", 0), ("7", 7), ("0.5", 0.5), ("-3", 0), ("soon", 0), ("nan", 0),
     ("Thu, 01 Jan 1970 00:02:00 GMT", 20)],
)  # fmt: skip
def test_retry_after_is_read_in_both_its_forms(header: Any, seconds: float) -> None:
    """Seconds or a date; nonsense asks for nothing."""
    assert retry.retry_after(header, now=100.0) == seconds


def test_the_program_runs_while_its_records_are_delivered(api: CompletionsAPI, tmp_path: Path) -> None:
    """Between few records each, around the request and what is acknowledged; not where no call was made."""
    rests: list[tuple[int, int]] = []
    with delivery(api.url, flush_interval=3600) as made:

        def rest(_: float) -> None:
            rests.append((len(api.requests), made.stats().pending))

        keep(made, 200)
        sender = Sender(Transport(), DeadLetters(tmp_path), made.sink.monitor, pause=rest)
        assert made.sink.journal is not None
        attempts = [sender.attempt(Server(url=api.url), made.sink.journal, 5.0) for _ in range(3)]
        sender.transport.close()

        assert attempts == [True, True, False]
        assert [len(request.records) for request in api.requests] == [128, 72]
        # To read them, to make them, and before they are sent: 4, 31 and 1.
        assert rests == [(0, 200)] * 36 + [(1, 200), (1, 136), (1, 72)]
        assert made.stats().delivered == 200


def test_a_program_that_is_faster_than_the_server_is_sent_as_large_requests_as_any(
    api: CompletionsAPI, tmp_path: Path
) -> None:
    """Smaller ones would leave a server that takes long for each further behind with every request."""
    with delivery(api.url, flush_interval=3600) as made:
        keep(made, 700)
        sender = Sender(Transport(), DeadLetters(tmp_path), made.sink.monitor, pause=lambda _: None)
        assert made.sink.journal is not None
        sender.attempt(Server(url=api.url), made.sink.journal, 5.0)
        keep(made, 1)
        sender.attempt(Server(url=api.url), made.sink.journal, 5.0)
        sender.transport.close()

        assert [len(request.records) for request in api.requests] == [500, 128]


def test_pauses_grow_with_full_jitter_and_never_undercut_the_server() -> None:
    """A pause is a share of an exponential bound, and at least what the server asked for."""
    assert [retry.delay(n, 1.0) / retry.BASE_S for n in (1, 2, 3)] == [2, 4, 8]
    assert retry.delay(50, 1.0) == retry.MAX_DELAY_S
    assert retry.delay(3, 0.0) == 0.0
    assert retry.delay(1, 0.5, retry_after=60.0) == 60.0
    assert retry.delay(1, 0.5, retry_after=1e9) == retry.MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    "header",
    [
        "31536000", "inf", "Infinity", "9" * 400, "1e308",
        "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -0000", "Fri, 31 Dec 9999 23:59:59 -1200",
    ],
)  # fmt: skip
def test_an_absurd_retry_after_is_cut_to_minutes(header: str) -> None:
    """A year, infinity, a date at the end of time."""
    assert retry.retry_after(header, now=1.8e9) == retry.MAX_RETRY_AFTER_S <= 600


@pytest.mark.parametrize("header", ["Fri, 32 Dec 9999 23:59:59 GMT", "-inf", "1,5", "Mon", "12 s", "\xb2"])
def test_a_retry_after_that_makes_no_sense_asks_for_nothing(header: str) -> None:
    """A day that does not exist, minus infinity, digits that are none."""
    assert retry.retry_after(header, now=1.8e9) == 0.0


def test_a_flush_tries_once_although_the_server_asked_for_a_pause(api: CompletionsAPI) -> None:
    """A pause that it asked for holds for what is sent by itself; each flush is one attempt."""
    api.behave(does.status(503, Retry_After="31536000"))
    with delivery(api.url) as made:
        ids = keep(made, 1)
        until(lambda: made.stats().retries == 1, "the answer was heard")
        assert made.flush(0.0) is False
        until(lambda: made.stats().retries == 2, "the answer was heard")
        api.behave(does.work)

        assert made.flush(60.0)

    assert len(api.requests) == 3
    assert api.ended() == ids


def test_the_end_obeys_a_server_that_asked_for_a_pause(api: CompletionsAPI) -> None:
    """The records wait in the spool: a thousand programs that end do not knock again."""
    api.behave(does.status(503, Retry_After="60"))
    made = Delivery(config(api.url))
    keep(made, 1)
    api.wait_for(lambda api: len(api.requests) == 1)
    until(lambda: made.stats().retries == 1, "the answer was heard")

    assert made.close(5.0) is False
    assert len(api.requests) == 1
