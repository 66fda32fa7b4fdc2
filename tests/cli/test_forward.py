"""``log10-trace forward``: calls of a server as spans, each once, whatever the endpoint does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from log10_trace.cli import forward_scan, forwarding
from log10_trace.cli.exit_codes import INTERRUPTED, UNREACHABLE
from log10_trace.cli.sent_calls import open_sent_calls
from log10_trace.errors import APIConnectionError
from log10_trace.export.delivery.otlp_transport import OtlpTransport, SpanRequest
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests.cli.conftest import Cli, Said, call
from tests.otlp_receiver import Answer, Receiver, attributes, otlp_receiver, partial, refuse, status, take
from tests.raw_server import Peer, raw_server

Within = Callable[..., Said]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "delay", lambda *_: 0.0)


def number_of(span: Span) -> int:
    return int(attributes(span)["log10.id"][-12:])


def counts(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_every_call_is_sent_once(within: Within, calls: list[dict[str, Any]], receiver: Receiver) -> None:
    """The oldest first; a second run sends those that came since, also where they began long before."""
    first = within("forward", "--to", receiver.url)

    assert (first.returncode, first.err) == (0, "6 calls sent, 0 refused, 0 skipped.\n")
    assert receiver.ids() == [each["id"] for each in calls]
    (path, headers, message) = receiver.requests[0]
    assert path == "/v1/traces"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["content-encoding"] == "gzip"
    assert [each.scope_spans[0].scope.name for each in message.resource_spans] == ["log10_trace"]


def test_a_batch_is_made_while_the_one_before_it_is_sent(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compression and network leave the processor to the next; the order stays."""
    monkeypatch.setattr(forward_scan, "BATCH_ITEMS", 2)
    made = [threading.Event() for _ in range(3)]
    make, unmade = OtlpTransport.make_request, iter(made)

    def make_request(self: OtlpTransport, records: Sequence[OutboundRecord]) -> SpanRequest:
        request = make(self, records)
        next(unmade).set()
        return request

    def take_when_made(spans: Sequence[Span]) -> Answer:
        assert made[len(receiver.requests)].wait(120), "the batch behind this one is not made"
        return take(spans)

    monkeypatch.setattr(OtlpTransport, "make_request", make_request)
    receiver.behave(take_when_made, times=2)

    assert within("forward", "--to", receiver.url).err == "6 calls sent, 0 refused, 0 skipped.\n"
    assert [number_of(span) for span in receiver.spans] == list(range(6))
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("ends", [APIConnectionError("the server has gone"), KeyboardInterrupt()], ids=repr)
def test_what_is_under_way_is_settled_at_an_early_end(
    within: Within,
    calls: list[dict[str, Any]],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    ends: BaseException,
) -> None:
    """What the endpoint has taken is not sent again by the next run: the server fails, or it is Ctrl-C."""
    monkeypatch.setattr(forward_scan, "BATCH_ITEMS", 2)
    monkeypatch.setattr(forwarding, "ANSWER_S", 30.0)
    split = forward_scan.split_lines

    def break_off(chunks: Iterable[bytes]) -> Iterator[bytes]:
        for number, line in enumerate(split(chunks)):
            if number == 2:
                raise ends
            yield line

    with monkeypatch.context() as failing:
        failing.setattr(forward_scan, "split_lines", break_off)
        assert within("forward", "--to", receiver.url).returncode in (UNREACHABLE, INTERRUPTED)
    within("forward", "--to", receiver.url)

    assert [number_of(span) for span in receiver.spans] == list(range(6))


def test_a_second_run_goes_on(
    within: Within, cli: Cli, calls: list[dict[str, Any]], receiver: Receiver
) -> None:
    """It sends what came since, also a call that began before all others and was delivered late."""
    within("forward", "--to", receiver.url)
    late = call(7, created_at="2020-01-01T00:00:00Z")
    with cli.client() as client:
        client.completions.batch(completions=[late, call(8)])

    second = within("forward", "--to", f"{receiver.url}/v1/traces", "--json")
    again = within("forward", "--to", receiver.url, "--again", "--json")

    assert counts(second) == {
        "sent": 2, "refused": 0, "skipped": 6, "sent_before": 6, "running": 0, "traced": 0,
    }  # fmt: skip
    assert receiver.ids()[6:8] == [late["id"], call(8)["id"]]
    assert counts(again)["sent"] == 8
    assert {span.span_id for span in receiver.spans} == {span.span_id for span in receiver.spans[:8]}


def test_a_call_is_sent_when_it_has_ended(within: Within, cli: Cli, receiver: Receiver) -> None:
    """Not while it runs, however often one looks; then it is."""
    with cli.client() as client:
        client.completions.batch(completions=[call(1, status="started", response=None), call(2)])
        assert counts(within("forward", "--to", receiver.url, "--json"))["running"] == 1
        client.completions.batch(completions=[call(1)])
    within("forward", "--to", receiver.url)

    assert [number_of(span) for span in receiver.spans] == [2, 1]


def test_a_background_response_is_sent_with_its_answer(within: Within, cli: Cli, receiver: Receiver) -> None:
    """Back ends keep the first span of an id; one whose answer was never fetched is sent after a day."""
    queued = {"native_request": {"background": True}, "native_response": {"status": "queued"}}
    began = datetime.now(timezone.utc).isoformat()
    with cli.client() as client:
        client.completions.batch(completions=[call(1, **queued), call(2, created_at=began, **queued)])
    first = within("forward", "--to", receiver.url)
    assert first.err == "1 call sent, 0 refused, 1 skipped (1 have not ended).\n"

    answered = {**queued, "native_response": {"status": "completed"}}
    with cli.client() as client:
        client.completions.update(
            completion_id=str(call(2)["id"]), completion=call(2, created_at=began, **answered)
        )
    within("forward", "--to", receiver.url)
    assert [number_of(span) for span in receiver.spans] == [1, 2]


def test_filters_and_contents_are_chosen(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver
) -> None:
    """The filters are those of lists; contents go along on request."""
    within("forward", "--to", receiver.url, "--tag", "odd", "--since", "2026-01-01T00:00:02Z", "--content")

    assert [number_of(span) for span in receiver.spans] == [3, 5]
    assert "question 3" in attributes(receiver.spans[0])["gen_ai.input.messages"]


def test_headers_go_with_every_request(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A back end's key is one; the service is named as OpenTelemetry names it."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    within("forward", "--to", receiver.url, "--header", "api-key=a=b", "--header", "X-Tenant=acme")

    _, headers, message = receiver.requests[0]
    assert (headers["api-key"], headers["x-tenant"]) == ("a=b", "acme")
    (resource,) = [each.resource for each in message.resource_spans]
    assert {each.key: each.value.string_value for each in resource.attributes} == {"service.name": "shop"}


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_endpoint_is_asked_again(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver, code: int
) -> None:
    """Everything arrives, once."""
    receiver.behave(status(code, Retry_After="0"), times=2)
    said = within("forward", "--to", receiver.url)

    assert said.returncode == 0
    assert [number_of(span) for span in receiver.spans] == list(range(6))


@pytest.mark.parametrize("code", [400, 413, 422, 500])
def test_a_span_that_is_refused_costs_no_other(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver, code: int
) -> None:
    """The batch is split down to it; it is counted and named, and tried again by the next run."""
    receiver.behave(refuse(lambda span: number_of(span) == 3, code))
    said = within("forward", "--to", receiver.url)

    assert said.returncode == 1
    assert sorted(number_of(span) for span in receiver.spans) == [0, 1, 2, 4, 5]
    assert said.err.splitlines() == [
        "5 calls sent, 1 refused, 0 skipped.",
        f"  1 refused: HTTP {code} a bad span",
    ]
    receiver.behave(refuse(lambda _: False))
    assert counts(within("forward", "--to", receiver.url, "--json"))["sent"] == 1


def test_a_partial_success_is_counted(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver
) -> None:
    """What the endpoint says it has not taken is refused, and not sent again: the protocol forbids it."""
    receiver.behave(partial(2, "too old"), times=1)
    said = within("forward", "--to", receiver.url)

    assert said.err.splitlines() == ["4 calls sent, 2 refused, 0 skipped.", "  2 refused: too old"]
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(("code", "hint"), [(401, "Check --header."), (404, "Check the address.")])
def test_an_endpoint_that_refuses_everything_ends_the_command(
    within: Within, calls: list[dict[str, Any]], receiver: Receiver, code: int, hint: str
) -> None:
    """A wrong key or address is said at once; nothing is counted as refused."""
    receiver.behave(status(code))
    said = within("forward", "--to", receiver.url)

    assert said.returncode == 1
    assert f"refuses all spans (HTTP {code}). {hint}" in said.err
    assert len(receiver.requests) == 1


def test_an_endpoint_that_is_down_is_given_up(
    within: Within, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute; the message says how to go on."""
    monkeypatch.setattr(forwarding, "GIVE_UP_S", 0.0)
    monkeypatch.setattr("log10_trace.cli.forward_run.GIVE_UP_S", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        said = within("forward", "--to", url)

    assert said.returncode == 3
    assert "takes no spans" in said.err
    assert "0 calls were sent; the same command goes on with the others." in said.err


def test_an_endpoint_of_grpc_is_told_as_such(within: Within, calls: list[dict[str, Any]]) -> None:
    """It answers with frames of HTTP/2."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x40\x00\x00")

    with raw_server(serve) as server:
        said = within("forward", "--to", server.url)

    assert said.returncode == 1
    assert "it seems to speak gRPC alone" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "localhost"),
        ("--to", "http://h/?a=b"),
        ("--to", "http://h", "--header", "no-value"),
        ("--to", "http://h", "--header", "Host=evil"),
        (),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(within: Within, words: tuple[str, ...]) -> None:
    """With a sentence, before anything is asked."""
    assert within("forward", *words).returncode == 2


def test_two_at_a_time_would_send_twice(
    within: Within, cli: Cli, calls: list[dict[str, Any]], receiver: Receiver, private_home: Path
) -> None:
    """The second is told of the first."""
    url = f"{receiver.url}/v1/traces"
    with open_sent_calls(private_home / "forward", cli.url, url):
        said = within("forward", "--to", receiver.url)

    assert said.returncode == 1
    assert "is running" in said.err
    assert not receiver.requests


def test_a_torn_note_of_sent_calls_is_cut_off(tmp_path: Path) -> None:
    """A process that was killed may leave half an id; the others count, and others are added behind them."""
    names = ["01900000-0000-7000-8000-000000000001", "call-2"]
    with open_sent_calls(tmp_path, "a", "b") as sent:
        sent.add(names)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as torn:
        torn.write(b"half")

    with open_sent_calls(tmp_path, "a", "b") as sent:
        assert [name in sent for name in (*names, "call-3")] == [True, True, False]
        sent.add(["call-3"])
    with open_sent_calls(tmp_path, "a", "b") as sent:
        assert len(sent) == 3
    with open_sent_calls(tmp_path, "a", "c") as sent:
        assert len(sent) == 0


def test_follow_sends_what_comes_in(
    cli: Cli, calls: list[dict[str, Any]], receiver: Receiver, monkeypatch: pytest.MonkeyPatch, within: Within
) -> None:
    """New calls, those that ended since, and at times all others; Ctrl-C ends it with the counts."""
    monkeypatch.setattr(forward_scan, "RESCAN_S", float("inf"))
    looks: list[list[dict[str, Any]]] = [
        [call(6), call(7, status="started", response=None)],
        [call(7), call(8)],
        [],
    ]

    def deliver_next(_interval: float) -> None:
        if not looks:
            raise KeyboardInterrupt
        if batch := looks.pop(0):
            with cli.client() as client:
                client.completions.batch(completions=batch)

    monkeypatch.setattr("log10_trace.cli.forward_run.wait", deliver_next)
    said = within("forward", "--to", receiver.url, "--follow")

    assert [number_of(span) for span in receiver.spans] == [*range(7), 7, 8]
    assert said.err == "9 calls sent, 0 refused, 0 skipped.\n"


def test_follow_finds_what_came_late(
    cli: Cli, calls: list[dict[str, Any]], receiver: Receiver, monkeypatch: pytest.MonkeyPatch, within: Within
) -> None:
    """All calls are looked through again now and then; what was refused is not tried again."""
    monkeypatch.setattr(forward_scan, "RESCAN_S", 0.0)
    monkeypatch.setattr(forward_scan, "_RESCAN_PART", 0)
    receiver.behave(refuse(lambda span: number_of(span) == 3))
    looks = [[call(9, created_at="2020-01-01T00:00:00Z")], []]

    def deliver_next(_interval: float) -> None:
        if not looks:
            raise KeyboardInterrupt
        if batch := looks.pop(0):
            with cli.client() as client:
                client.completions.batch(completions=batch)

    monkeypatch.setattr("log10_trace.cli.forward_run.wait", deliver_next)
    said = within("forward", "--to", receiver.url, "--follow")

    assert sorted(number_of(span) for span in receiver.spans) == [0, 1, 2, 4, 5, 9]
    assert said.err.startswith("6 calls sent, 1 refused, ")


def test_a_call_with_a_span_of_another_instrumentation_is_left_out(
    within: Within, cli: Cli, receiver: Receiver
) -> None:
    """So that a trace holds each call once; ``--traced`` sends it."""
    traced = call(1, traced_by="opentelemetry.instrumentation.openai_v2")
    with cli.client() as client:
        client.completions.batch(completions=[traced, call(2)])

    first = within("forward", "--to", receiver.url)
    within("forward", "--to", receiver.url, "--traced")

    assert first.err == ("1 call sent, 0 refused, 1 skipped (1 have a span of another instrumentation).\n")
    assert [number_of(span) for span in receiver.spans] == [2, 1]
