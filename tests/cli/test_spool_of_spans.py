"""``spool status`` and ``spool dead-letters`` of spans, which have a spool of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from log10_trace.config import resolve
from log10_trace.export.delivery import delivery
from log10_trace.export.delivery.otlp_delivery import make_otlp_delivery
from tests.cli.conftest import Said
from tests.export.factories import keep
from tests.otlp_receiver import otlp_receiver, refuse

NOWHERE = "http://127.0.0.1:9"


def leave_a_span(home: Path, url: str) -> None:
    """A delivery of one span to this endpoint, which ends."""
    settings = {"otlp_url": url, "spool_dir": home / "spool", "flush_interval": 0.02}
    made = make_otlp_delivery(resolve(settings), None)
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
