"""Tools that watch, record or mock a program's requests do not see our deliveries, whenever they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.completions_api import CompletionsAPI
from tests.model_endpoint import model_endpoint
from tests.processes import program

CALLS = """
import log10_trace, openai

log10_trace.patch(url={api!r}, token="our-key", flush_interval=0.05)

def call():
    client = openai.OpenAI(base_url={model!r}, api_key="k", max_retries=0)
    client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "hi"}}])
    assert log10_trace.flush(30), log10_trace.stats()
"""


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def run(home: Path, api: CompletionsAPI, *parts: str) -> str:
    """What a program of these parts writes; ``CALLS`` stands for our patch and the function ``call``."""
    with model_endpoint() as endpoint:
        source = "\n".join(part.format(api=api.url, model=endpoint.url) for part in parts)
        ended = program(home, source)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


TRACES = """
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
HTTPXClientInstrumentor().instrument(tracer_provider=provider)
"""
SHOW_SPANS = """
call()
print([dict(each.attributes) for each in spans.get_finished_spans()])
"""


@pytest.mark.parametrize("order", [(TRACES, CALLS), (CALLS, "call()", TRACES)], ids=["before", "after"])
def test_opentelemetry_makes_no_span_of_a_delivery(
    private_home: Path, api: CompletionsAPI, order: tuple[str, ...]
) -> None:
    """Its instrumentation wraps httpx, before we are imported or after our first delivery."""
    pytest.importorskip("opentelemetry.instrumentation.httpx")

    assert api.url not in run(private_home, api, *order, SHOW_SPANS)
    assert len(api.ended()) == order.count("call()") + 1


LOGFIRE = """
import logfire
from logfire.testing import TestExporter

exporter = TestExporter()
logfire.configure(
    send_to_logfire=False, console=False,
    additional_span_processors=[logfire.testing.SimpleSpanProcessor(exporter)],
)
logfire.instrument_httpx(capture_all=True)
"""


def test_logfire_makes_no_span_of_a_delivery(private_home: Path, api: CompletionsAPI) -> None:
    """Nor does Logfire, which is told to capture bodies."""
    pytest.importorskip("logfire")
    pytest.importorskip("opentelemetry.instrumentation.httpx")

    said = run(private_home, api, LOGFIRE, CALLS, "call()\nprint(exporter.exported_spans_as_dict())")

    assert api.url not in said
    assert len(api.ended()) == 1


CASSETTE = """
import pathlib, vcr

with vcr.use_cassette("cassette.yaml", record_mode="all"):
    call()
print(pathlib.Path("cassette.yaml").read_text() if pathlib.Path("cassette.yaml").exists() else "")
"""


def test_a_cassette_of_vcr_holds_no_delivery(
    private_home: Path, api: CompletionsAPI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither what was delivered nor the key."""
    pytest.importorskip("vcr")
    monkeypatch.chdir(tmp_path)

    said = run(private_home, api, CALLS, CASSETTE)

    assert "/api/v1/completions" not in said
    assert "our-key" not in said
    assert len(api.ended()) == 1


RESPX = """
import httpx, respx

with respx.mock(assert_all_called=False{using}) as router:
    router.get("https://api.example.com/").respond(200, text="mocked")
    from tests.export.factories import config, keep
    from log10_trace.export import Delivery
    made = Delivery(config({api!r}))
    keep(made, 3)
    assert made.flush(30), made.stats()
    assert httpx.get("https://api.example.com/").text == "mocked"
    print([str(each.request.url) for each in router.calls])
"""


@pytest.mark.parametrize("using", ["", ', using="httpx"'], ids=["httpcore", "httpx"])
def test_respx_mocks_no_delivery(private_home: Path, api: CompletionsAPI, using: str) -> None:
    """Whichever library it mocks, deliveries go to the server."""
    pytest.importorskip("respx")

    said = run(private_home, api, RESPX.replace("{using}", using))

    assert said.strip() == "['https://api.example.com/']"
    assert len(api.ended()) == 3


MOCKED = """
import httpx
from tests.export.factories import config, keep
from log10_trace.export import Delivery

def test_it(httpx_mock):
    httpx_mock.add_response(url="https://api.example.com/", text="mocked")
    made = Delivery(config({api!r}))
    keep(made, 3)
    assert made.flush(30), made.stats()
    assert httpx.get("https://api.example.com/").text == "mocked"
"""


def test_a_test_with_pytest_httpx_passes(private_home: Path, api: CompletionsAPI, tmp_path: Path) -> None:
    """It fails a test with requests that it did not expect; it sees none of ours."""
    pytest.importorskip("pytest_httpx")
    test = tmp_path / "test_it.py"
    test.write_text(MOCKED.format(api=api.url))
    command = ["pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(test)]
    source = f"import sys, pytest\nsys.exit(pytest.main({command[1:]!r}))"

    ended = program(private_home, source, PYTHONPATH=str(Path.cwd()), PYTEST_ADDOPTS="")

    assert ended.returncode == 0, ended.stdout
    assert len(api.ended()) == 3


SENTRY = """
import sentry_sdk
from sentry_sdk.transport import Transport

class Keep(Transport):
    sent = []

    def capture_envelope(self, envelope):
        self.sent.append(envelope.serialize().decode())

sentry_sdk.init(dsn="http://k@127.0.0.1:9/1", transport=Keep, traces_sample_rate=1.0)
"""
SENTRY_CALLS = """
with sentry_sdk.start_transaction(name="t", op="test"):
    call()
sentry_sdk.capture_message("m")
sentry_sdk.flush()
assert Keep.sent
print(Keep.sent)
"""


def test_sentry_has_neither_span_nor_breadcrumb_of_a_delivery(
    private_home: Path, api: CompletionsAPI
) -> None:
    """Its integrations of httpx and http.client stand in the program's requests alone."""
    pytest.importorskip("sentry_sdk")

    said = run(private_home, api, SENTRY, CALLS, SENTRY_CALLS)

    assert api.url.removeprefix("http://") not in said
    assert len(api.ended()) == 1


WATCHES = """
import http.client, socket, ssl
import httpcore, httpx

seen = []

def watch(owner, name):
    real = getattr(owner, name)

    def watched(*args, **kwargs):
        seen.append(name)
        return real(*args, **kwargs)

    setattr(owner, name, watched)

class Watched(socket.socket):
    def connect(self, address):
        seen.append("socket")
        return super().connect(address)

watch(httpx.Client, "send")
watch(httpx.Client, "request")
watch(httpx.HTTPTransport, "handle_request")
watch(httpcore.ConnectionPool, "handle_request")
watch(httpcore.HTTPConnection, "handle_request")
watch(httpcore.HTTP11Connection, "handle_request")
watch(httpcore.SyncBackend, "connect_tcp")
watch(http.client.HTTPConnection, "putrequest")
watch(socket, "create_connection")
socket.socket = Watched
"""
DELIVERS = """
from tests.export.factories import config, keep
from log10_trace.export import Delivery

made = Delivery(config({api!r}))

def deliver():
    keep(made, 3)
    assert made.flush(30), made.stats()
"""


@pytest.mark.parametrize(
    "order",
    [
        (WATCHES, DELIVERS, "deliver()"),
        (DELIVERS, WATCHES, "deliver()"),
        (DELIVERS, "deliver()", WATCHES, "deliver()"),
    ],
    ids=["before", "after", "after a delivery"],
)  # fmt: skip
def test_a_program_that_replaces_methods_of_http_libraries_sees_no_delivery(
    private_home: Path, api: CompletionsAPI, order: tuple[str, ...]
) -> None:
    """httpx, httpcore, http.client or the socket class: whatever is replaced, when it is replaced."""
    assert run(private_home, api, *order, "print(seen)").strip() == "[]"
    assert len(api.ended()) == 3 * order.count("deliver()")


PRETTY = """
import httpretty

with httpretty.enabled(allow_net_connect=False):
    deliver()
    print([each.url for each in httpretty.latest_requests()])
"""


def test_a_program_whose_sockets_are_mocked_delivers(private_home: Path, api: CompletionsAPI) -> None:
    """HTTPretty puts sockets of its own in the place of the standard library's."""
    pytest.importorskip("httpretty")

    assert run(private_home, api, DELIVERS, PRETTY).strip() == "[]"
    assert len(api.ended()) == 3


ASKS = """
import sys
from log10_trace.export.http.connection import Connection

asked = []
exchange = Connection.exchange

def watched(self, request, deadline):
    if "opentelemetry" in sys.modules:
        from opentelemetry.instrumentation import utils
        asked.append((utils.is_instrumentation_enabled(), utils.is_http_instrumentation_enabled()))
    return exchange(self, request, deadline)

Connection.exchange = watched
"""


def test_a_delivery_is_marked_as_none_of_opentelemetrys_business(
    private_home: Path, api: CompletionsAPI
) -> None:
    """An instrumentation of something that we did not think of finds itself switched off; afterwards on."""
    pytest.importorskip("opentelemetry.instrumentation")
    show = "deliver()\nprint(asked[0], utils.is_instrumentation_enabled())"
    enabled = "from opentelemetry.instrumentation import utils"

    assert run(private_home, api, DELIVERS, ASKS, enabled, show).strip() == "(False, False) True"
