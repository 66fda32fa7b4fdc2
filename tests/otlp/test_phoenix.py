"""Against the real Arize Phoenix, where it is installed: ``tests/phoenix.py --install``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from log10_trace import Log10
from log10_trace.cli.forwarding import ForwardCounts, ForwardSender
from log10_trace.cli.sent_calls import open_sent_calls
from log10_trace.errors import SetupError
from log10_trace.export.delivery.http_exchange import Server
from log10_trace.export.delivery.otlp_transport import OtlpTransport
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests import phoenix
from tests.model_endpoint import model_endpoint
from tests.processes import program, server, until

pytestmark = pytest.mark.slow


def run(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """The records of a program, their spans in Phoenix, and what differs."""
    home = folder / "log10"
    home.mkdir(mode=0o700)
    with phoenix.phoenix(folder) as (url, _), server(home) as running, model_endpoint() as model:
        trace, span = phoenix.PARENT
        source = phoenix.PROGRAM.format(
            server=running.url,
            token=running.token,
            model=model.url,
            trace=trace,
            span=span,
            calls=phoenix.CALLS,
        )
        ended = program(home, source)
        assert ended.returncode == 0, ended.stderr
        phoenix.send_parent(url)
        assert phoenix.forward(home, url, "--content")["sent"] == phoenix.CALLS
        until(lambda: len(phoenix.list_spans(url)) > phoenix.CALLS, "Phoenix has all spans")
        # The same ids: nothing is added.
        assert phoenix.forward(home, url, "--content", "--again")["sent"] == phoenix.CALLS
        with Log10(server_url=running.url, log10_token=running.token) as client:
            lines = b"".join(client.completions.export(order="oldest")).splitlines()
        spans = phoenix.list_spans(url)
    records = [json.loads(line) for line in lines]
    by_id = {each["attributes"].get("log10.id"): each for each in spans}
    differences = [
        f"{record['id']}: {difference}"
        for record in records
        for difference in phoenix.compare(record, by_id[record["id"]])
    ]
    return records, [each for each in spans if "log10.id" in each["attributes"]], differences


@pytest.fixture(autouse=True)
def _needs_phoenix() -> None:
    if not phoenix.executable().exists():
        pytest.skip("Phoenix is not installed: run tests/phoenix.py --install")


def test_phoenix_and_our_store_say_the_same(tmp_path: Path) -> None:
    """Spans, contents, tokens, times, sessions and parents, as Phoenix's own API tells them."""
    records, spans, differences = run(tmp_path)

    assert not differences
    assert len(records) == len(spans) == phoenix.CALLS


def test_phoenix_s_port_of_grpc_is_told_as_such(tmp_path: Path) -> None:
    """A real server of gRPC answers a request of HTTP/1.1 in its own way."""
    with phoenix.phoenix(tmp_path) as (_, port), open_sent_calls(tmp_path, "a", "b") as sent:
        transport = OtlpTransport(headers={}, resource={}, with_content=False)
        endpoint = Server(url=f"http://127.0.0.1:{port}/v1/traces")
        sender = ForwardSender(transport, endpoint, sent, ForwardCounts(), timeout_s=10)
        record = b'{"id":"a","status":"finished","created_at":"2026-01-01T00:00:00Z"}'
        with pytest.raises(SetupError, match="gRPC"):
            sender.send([OutboundRecord("a", (record,))])
