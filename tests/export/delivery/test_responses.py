"""What counts as delivered: an answer that names the record, and nothing else that says 2xx."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace import guard
from log10_trace.export.delivery.responses import parse_batch_results, result_for_record
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import BATCHES_AGAIN_S, Transport
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests import completions_api as does
from tests.completions_api import CompletionsAPI, Exchange
from tests.export.factories import delivery, keep, settled
from tests.processes import until

RECORD = OutboundRecord("a", (b'{"id":"a","status":"finished"}',))


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def say(status: int, content: bytes, **headers: str) -> does.Behaviour:
    """Answer every request with these bytes, and keep nothing."""

    def behave(exchange: Exchange) -> None:
        handler = exchange.handler
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 204:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def echo(exchange: Exchange) -> None:
    """Answer with what was sent, as it was sent."""
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Length", str(len(exchange.request.body)))
    exchange.handler.end_headers()
    exchange.handler.wfile.write(exchange.request.body)


STRANGERS: dict[str, does.Behaviour] = {
    "a sign-in page": say(200, b"<html>Please sign in</html>", Content_Type="text/html"),
    "an empty page": say(200, b""),
    "no content": say(204, b""),
    "accepted": say(202, b"Accepted"),
    "ok": say(200, b'{"ok": true}'),
    "created": say(201, b'{"id": "of another record"}'),
    "a list": say(200, b"[]"),
    "a null": say(200, b"null"),
    "a number of 5,000 digits": say(200, b"9" * 5000),
    "deep JSON": say(200, b"[" * 100_000),
    "JSON that is cut": say(200, b'{"results": [{"id"'),
    "no results": say(200, b'{"results": []}'),
    "foreign results": say(200, b'{"results": [{"id": "of another record", "status": 201}]}'),
    "results without ids": say(200, b'{"results": [{"status": 201}, {"status": 201}, {"status": 201}]}'),
    "results that are none": say(207, b'{"results": [1, "a", null]}'),
    "an echo": echo,
    "a redirect to a sign-in page": say(302, b"", Location="https://login.example.test/?next=/"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_does_not_name_the_records_has_not_taken_them(
    api: CompletionsAPI, private_home: Path, name: str
) -> None:
    """Sign-in pages, catch-alls, mock servers and echoes: everything is kept, and arrives later."""
    api.behave(STRANGERS[name])
    with delivery(api.url) as made:
        ids = keep(made, 3)
        for _ in range(6):
            assert made.flush(0.1) is False
        until(lambda: made.stats().retries >= 2, "it was tried")

        assert (made.stats().delivered, made.stats().pending, made.stats().dead_letters) == (0, 3, 0)
        assert not list(DeadLetters(private_home / "spool"))
        api.behave(does.work)
        until(lambda: made.flush(5.0), "everything is delivered")

        assert set(api.rows()) == set(ids)
        assert settled(made)


@pytest.mark.parametrize("has_batches", [True, False], ids=["batches", "single posts"])
def test_who_answers_and_is_no_completions_api_is_named(
    api: CompletionsAPI, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, has_batches: bool
) -> None:
    """The log says it once a minute, in words that lead to the address."""
    monkeypatch.setattr(guard, "_said", guard.ErrorCounter())
    api.has_batches = has_batches
    with delivery(api.url) as made, caplog.at_level(logging.WARNING, "log10_trace"):
        keep(made, 1)
        assert made.flush(60.0)
        api.behave(say(200, b"<html>Please sign in</html>"))
        keep(made, 3)
        until(lambda: made.flush(0.1) or made.stats().retries >= 3, "it was tried")

    told = [each for each in caplog.messages if "answers, but is no completions API" in each]
    assert len(told) == 1
    assert api.url in told[0]


def test_of_a_batch_only_those_are_done_that_are_named(api: CompletionsAPI) -> None:
    """An answer that leaves records out leaves them with us; they are sent again, the others are not."""

    def forget_some(exchange: Exchange) -> None:
        kept = exchange.request.records[::2]
        exchange.api.keep(kept)
        exchange.answer(200, {"results": [{"id": each["id"], "status": 201} for each in kept]})

    api.behave(forget_some, times=1)
    with delivery(api.url) as made:
        ids = keep(made, 5)
        until(lambda: made.flush(5.0), "everything is delivered")

        assert made.stats().delivered == 5
    assert set(api.rows()) == set(ids)
    assert set(api.times().values()) == {1}


def test_a_record_that_could_not_be_read_is_refused_without_its_id(
    api: CompletionsAPI, private_home: Path
) -> None:
    """The server may not know whose result it is: then it is that of the record at its place."""

    def refuse_the_second(exchange: Exchange) -> None:
        results: list[dict[str, Any]] = [
            {"id": each["id"], "status": 201} for each in exchange.request.records
        ]
        results[1] = {"id": None, "status": 422, "code": "too_deep", "message": "no"}
        exchange.api.keep([exchange.request.records[0], *exchange.request.records[2:]])
        exchange.answer(207, {"results": results})

    api.behave(refuse_the_second, times=1)
    with delivery(api.url, flush_interval=3600.0) as made:
        ids = keep(made, 4)
        until(lambda: made.flush(5.0) or made.stats().pending == 0, "everything is answered")

        (letter,) = DeadLetters(private_home / "spool")
    assert (letter.id, letter.status, letter.code) == (ids[1], 422, "too_deep")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id":"a","organization_id":"o","status":"finished"}', Disposition.DONE),
        (b' {"kind": "chat", "status": "finished", "id": "a"} ', Disposition.DONE),
        (b'{"id":"a","request":{"seed":' + b"9" * 5000 + b"}}", Disposition.DONE),
        (b'{"id":"a","request":{"x":NaN,"y":"\\ud800"}}', Disposition.DONE),
        (b'{"data":{"id":"a"}}', Disposition.DENIED),
        (b'{"id":"A"}', Disposition.DENIED),
        (b'["a"]', Disposition.DENIED),
        (b"a", Disposition.DENIED),
    ],
)
def test_a_single_record_is_done_when_the_answer_is_the_record(body: bytes, expected: Disposition) -> None:
    """The Completion under its id, whatever stands in it."""
    assert result_for_record(HttpReply(201, {}, body), RECORD).disposition is expected


def test_an_echo_byte_for_byte_is_no_completion() -> None:
    """What says no more than was sent, and not that anything was made, may be a mirror."""
    assert (
        result_for_record(HttpReply(200, {}, RECORD.body + b"\n"), RECORD).disposition is Disposition.DENIED
    )
    assert result_for_record(HttpReply(201, {}, RECORD.body), RECORD).disposition is Disposition.DONE


def test_two_states_of_one_record_in_a_batch_have_their_own_results() -> None:
    """A call's start and end have one id; the result at its own place is each one's."""
    results = [
        {"id": "a", "status": 422, "code": "invalid", "message": "no"},
        {"id": "a", "status": 200},
    ]
    answers = parse_batch_results(HttpReply(207, {}, json.dumps({"results": results}).encode()), ["a", "a"])

    assert answers is not None
    assert [answer.disposition for answer in answers] == [Disposition.REJECTED, Disposition.DONE]


OWN = {"code": "invalid", "message": "no", "field": "request"}
PROXYS: Callable[[int], HttpReply] = lambda status: HttpReply(status, {}, b"<html>No.</html>")  # noqa: E731


@pytest.mark.parametrize("status", [409, 422])
def test_a_refusal_is_the_records_own_in_the_words_of_our_api_alone(status: int) -> None:
    """The API's own words name what is wrong with the record; a page with the same status does not."""
    own = HttpReply(status, {}, json.dumps(OWN).encode())

    unnamed = HttpReply(status, {}, json.dumps({**OWN, "field": None}).encode())

    assert result_for_record(own, RECORD).disposition is Disposition.REJECTED
    assert result_for_record(unnamed, RECORD).disposition is Disposition.DENIED
    assert result_for_record(PROXYS(status), RECORD).disposition is Disposition.DENIED
    assert (
        result_for_record(HttpReply(status, {}, b'{"detail": []}'), RECORD).disposition is Disposition.DENIED
    )


def test_a_400_to_all_alike_is_nobodys_own() -> None:
    """A proxy that spoils all bodies makes the API call each no JSON; where others pass, it is its own."""
    spoilt = {"id": None, "status": 400, "code": "invalid_json", "message": "no"}
    taken = {"id": "b", "status": 201}

    def verdicts(*results: dict[str, Any]) -> list[Disposition]:
        body = json.dumps({"results": results}).encode()
        return [each.disposition for each in parse_batch_results(HttpReply(207, {}, body), ["a", "b"]) or []]

    assert verdicts(spoilt, spoilt) == [Disposition.DENIED, Disposition.DENIED]
    assert verdicts(spoilt, taken) == [Disposition.REJECTED, Disposition.DONE]


@pytest.mark.parametrize("status", [404, 405])
def test_batches_are_tried_again_after_a_while(api: CompletionsAPI, status: int) -> None:
    """A route that is missing in the middle of a deploy is there again a few minutes later."""
    now = [0.0]
    transport, server = Transport(clock=lambda: now[0]), Server(url=api.url)

    def deploying(exchange: Exchange) -> None:
        if exchange.request.path.endswith("/batch"):
            exchange.answer(status, {"code": "x", "message": "x"})
        else:
            does.work(exchange)

    def paths() -> list[str]:
        del api.requests[:]
        outcome = transport.send(server, [RECORD], 5.0)
        assert [answer.disposition for answer in outcome.answers] == [Disposition.DONE]
        return [request.path.rpartition("/")[2] for request in api.requests]

    assert paths() == ["batch"]
    api.behave(deploying)
    assert paths() == ["batch", "completions"]
    api.behave(does.work)
    assert paths() == ["completions"]
    assert transport.max_items(server) < 500
    now[0] = BATCHES_AGAIN_S
    assert transport.max_items(server) == 500
    assert paths() == ["batch"]
    transport.close()


def test_a_server_that_takes_nothing_at_all_is_not_said_to_take_single_posts(api: CompletionsAPI) -> None:
    """Where single posts do not go through either, batches are not given up for them."""
    transport, server = Transport(), Server(url=api.url)
    api.behave(does.status(404))
    transport.send(server, [RECORD], 5.0)

    assert transport.max_items(server) == 500
    transport.close()


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((201, 201), [Disposition.DONE, Disposition.DONE]),
        ((200, 201), [Disposition.DONE, Disposition.DONE]),
        ((201, 503), [Disposition.DONE, Disposition.RETRY]),
        ((201, 422), [Disposition.DONE, Disposition.REJECTED]),
        ((201, True), [Disposition.DONE, Disposition.RETRY]),
        ((201, None), [Disposition.DONE, Disposition.RETRY]),
    ],
)
def test_each_record_has_the_answer_of_its_status(statuses: Any, expected: list[Disposition]) -> None:
    """Whether all were stored, which is read the short way, or not."""
    results = [{"id": name, "status": status} for name, status in zip("ab", statuses, strict=True)]
    reply = HttpReply(200, {}, json.dumps({"results": results}).encode())

    answers = parse_batch_results(reply, ["a", "b"])

    assert answers is not None
    assert [answer.disposition for answer in answers] == expected
    assert [answer.status for answer in answers] == [one if type(one) is int else 0 for one in statuses]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("ids", [["a"], ["a", "b"], ['a"b', "\u00e9"], ["\ud800"]])
def test_an_answer_is_read_whatever_its_spelling(ids: list[str], separators: tuple[str, str]) -> None:
    """As our server writes it and with spaces; it names these records in this order, or others."""

    def read(named: list[str]) -> list[Disposition]:
        results = [{"id": each, "status": 201} for each in named]
        body = json.dumps({"results": results}, separators=separators).encode()
        answers = parse_batch_results(HttpReply(200, {}, body), ids)
        return [each.disposition for each in answers or []]

    assert read(ids) == [Disposition.DONE] * len(ids)
    # An answer that names none of them is none to this batch.
    others = [Disposition.DONE] * (len(ids) - 1) + [Disposition.RETRY] if len(ids) > 1 else []
    assert read([*ids[:-1], "c"]) == others
