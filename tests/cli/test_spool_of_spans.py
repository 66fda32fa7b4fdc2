"""The commands of ``spool`` about spans, which have a spool of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from log10_trace.config import resolve
from log10_trace.export import Delivery
from log10_trace.export.delivery import delivery
from log10_trace.export.delivery.otlp_delivery import make_otlp_delivery
from tests import completions_api as does
from tests.cli.conftest import Cli, Said
from tests.completions_api import CompletionsAPI
from tests.export.factories import keep
from tests.otlp_receiver import otlp_receiver, refuse, status
from tests.processes import program

NOWHERE = "http://127.0.0.1:9"
KILLED = """
import os
from log10_trace.config import resolve
from log10_trace.export import Delivery
from tests.export.factories import begun

made, call = Delivery(resolve(dict(url={url!r}, token={token!r}, flush_interval=3600.0))), begun("x")
made.sink.on_start(call)
made.sink.keep_started(call)
os._exit(0)
"""


def leave_a_span(home: Path, url: str) -> None:
    """A delivery of one span to this endpoint, which ends."""
    _keep_one(make_otlp_delivery(resolve({"otlp_url": url, **_spool(home)}), None))


def leave_a_record(home: Path, url: str, token: str) -> None:
    """A delivery of one record to this server, which ends."""
    _keep_one(Delivery(resolve({"url": url, "token": token, **_spool(home)})))


def _spool(home: Path) -> dict[str, object]:
    return {"spool_dir": home / "spool", "flush_interval": 0.02}


def _keep_one(made: Delivery) -> None:
    keep(made, 1)
    made.close(30)  # an attempt that brings nothing ends it


def test_what_waits_and_what_was_refused_is_shown_and_sent_again(
    within: Callable[..., Said], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apart from the records; spans are sent again where the settings name an endpoint."""
    monkeypatch.setattr(delivery, "NO_PROGRESS_TIMEOUT_S", 30.0)
    with otlp_receiver() as receiver:
        receiver.behave(refuse(lambda _: True))
        leave_a_span(private_home, receiver.url)
        leave_a_span(private_home, NOWHERE)
        found = json.loads(within("spool", "status", "--json").out)
        shown = within("spool", "status")
        listed = json.loads(within("spool", "dead-letters", "--json").out)
        kept = within("spool", "dead-letters", "--send")
        receiver.behave(refuse(lambda _: False))
        monkeypatch.setenv("LOG10_OTLP_URL", receiver.url)
        sent = within("spool", "dead-letters", "--send")

    assert (found["waiting"], found["dead_letters"]) == ([], 0)
    waiting = [(each["records"], each["url"]) for each in found["otlp"]["waiting"]]
    assert waiting == [(1, f"{NOWHERE}/v1/traces")]
    assert found["otlp"]["dead_letters"] == 1
    assert f"{NOWHERE}/v1/traces" in shown.out
    assert shown.err == "1 dead letters of spans. See: log10-trace spool dead-letters\n"
    assert (listed["url"], listed["status"]) == (f"{receiver.url}/v1/traces", 400)
    assert kept.returncode == 4
    assert kept.err == "1 dead letters of spans stay: set LOG10_OTLP_URL to send them.\n"
    assert (sent.returncode, sent.out) == (0, "Sent 1 spans; 0 stay dead letters.\n")
    assert [call_id == listed["id"] for call_id in receiver.ids()] == [True]


def test_spans_that_an_ended_program_left_are_delivered(
    within: Callable[..., Said], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the settings name their endpoint; no server is needed for that. Those of another stay."""
    monkeypatch.setattr(delivery, "NO_PROGRESS_TIMEOUT_S", 30.0)
    with otlp_receiver() as receiver:
        receiver.behave(status(503))
        leave_a_span(private_home, receiver.url)
        leave_a_span(private_home, NOWHERE)
        kept = within("spool", "flush")
        monkeypatch.setenv("LOG10_OTLP_URL", receiver.url)
        failed = within("spool", "flush", "--timeout", "0")
        receiver.behave(refuse(lambda _: False))
        sent = within("spool", "flush")

    assert kept.returncode == 0
    assert f"LOG10_OTLP_URL={receiver.url}/v1/traces." in kept.err
    assert (failed.returncode, failed.out) == (1, "Delivered 0 spans; 2 wait.\n")
    assert (sent.returncode, sent.out) == (0, "Delivered 1 spans; 1 wait.\n")
    assert f"LOG10_OTLP_URL={NOWHERE}/v1/traces." in sent.err
    assert len(receiver.ids()) == 1


def test_spans_that_wait_for_another_endpoint_hold_up_no_call_that_never_ended(
    cli: Cli, within: Callable[..., Said], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that was killed in its first call left no record, and a server is to hear of it."""
    monkeypatch.setattr(delivery, "NO_PROGRESS_TIMEOUT_S", 30.0)
    with CompletionsAPI() as api:
        monkeypatch.setitem(cli.environ, "LOG10_URL", api.url)
        leave_a_span(private_home, NOWHERE)
        ended = program(private_home, KILLED.format(url=api.url, token=cli.environ["LOG10_TOKEN"]))
        done = within("spool", "flush")

        assert (ended.returncode, ended.stderr) == (0, "")
        assert [record["status"] for record in api.rows().values()] == ["failed"]
    assert f"LOG10_OTLP_URL={NOWHERE}/v1/traces." in done.err


def test_records_and_spans_are_delivered_together(
    cli: Cli, within: Callable[..., Said], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each to its own destination."""
    monkeypatch.setattr(delivery, "NO_PROGRESS_TIMEOUT_S", 30.0)
    with otlp_receiver() as receiver, CompletionsAPI() as api:
        monkeypatch.setitem(cli.environ, "LOG10_URL", api.url)
        monkeypatch.setenv("LOG10_OTLP_URL", receiver.url)
        receiver.behave(status(503))
        api.behave(does.status(503))
        leave_a_span(private_home, receiver.url)
        leave_a_record(private_home, api.url, cli.environ["LOG10_TOKEN"])
        receiver.behave(refuse(lambda _: False))
        api.behave(does.work)
        done = within("spool", "flush")

    assert (done.returncode, done.out) == (0, "Delivered 1 spans; 0 wait.\nDelivered 1 records; 0 wait.\n")
    assert (len(receiver.ids()), len(api.rows())) == (1, 1)
