"""``patch(otlp_url=...)``: every call is a span as well, and neither destination waits for the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.config import resolve
from log10_trace.errors import ConfigError
from tests.completions_api import CompletionsAPI, status, work
from tests.model_endpoint import Endpoint, model_endpoint
from tests.otlp_receiver import Receiver, attributes, otlp_receiver, refuse
from tests.otlp_receiver import status as span_status
from tests.processes import program


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as receiver:
        yield receiver


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


@pytest.fixture(scope="module")
def model() -> Iterator[Endpoint]:
    with model_endpoint() as endpoint:
        yield endpoint


PROGRAM = """
import json, os, sys
import log10_trace, openai
log10_trace.patch(flush_interval=0.05, **{settings!r})
client = openai.OpenAI(base_url={model!r}, api_key="k", max_retries=0)

def ask(text="hi", **more):
    return client.chat.completions.create(model="m", messages=[{{"role": "user", "content": text}}], **more)

def show():
    stats = log10_trace.stats()
    names = ("captured", "delivered", "pending", "dead_letters")
    pairs = [(name, each) for name, each in (("records", stats), ("spans", stats.otlp)) if each is not None]
    print(json.dumps({{name: [getattr(each, part) for part in names] for name, each in pairs}}))

{source}
"""


def run(home: Path, model: Endpoint, source: str, **settings: object) -> dict[str, list[int]]:
    """What the program shows of its counts: captured, delivered, pending, dead letters."""
    text = PROGRAM.format(settings=settings, model=model.url, source=source)
    ended = program(home, text)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, list[int]] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_both_have_every_call(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """Streams too; the span of a call names its record, and holds no contents unless it is asked to."""
    source = """
ask("secret words")
list(ask("secret words", stream=True))
assert log10_trace.flush(30), log10_trace.stats()
show()
"""
    counts = run(private_home, model, source, url=api.url, otlp_url=receiver.url, otlp_headers="api-key=a")

    assert counts == {"records": [2, 2, 0, 0], "spans": [2, 2, 0, 0]}
    assert receiver.ids() == api.ended()
    assert "secret" not in str(receiver.spans)
    assert {headers["api-key"] for _, headers, _ in receiver.requests} == {"a"}


def test_contents_and_redaction(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """Contents go along when asked for, as the redactor leaves them, in both places."""
    source = 'ask("write to ada@example.com"); assert log10_trace.flush(30); show()'
    settings = {"otlp_url": receiver.url, "otlp_content": True, "otlp_metrics": False}
    run(private_home, model, source, url=api.url, redact="emails", **settings)

    sent = attributes(receiver.spans[0])["gen_ai.input.messages"]
    assert "write to" in sent
    assert "ada@example.com" not in sent + str(api.stored)
    assert not receiver.pushes, "metrics are left out on request"


def test_spans_arrive_while_the_server_is_down(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """And records wait for it; the next process sends those alone."""
    api.behave(status(503))
    settings = {"url": api.url, "otlp_url": receiver.url}
    source = """
ask()
assert not log10_trace.flush(0.5)
while log10_trace.stats().otlp.pending: log10_trace.flush(0.1)
show()
"""
    counts = run(private_home, model, source, **settings)
    assert counts == {"records": [1, 0, 1, 0], "spans": [1, 1, 0, 0]}

    api.behave(work)
    run(private_home, model, "assert log10_trace.flush(30); show()", **settings)

    assert api.ended() == receiver.ids()
    assert len(receiver.spans) == 1


def test_records_arrive_while_the_endpoint_is_down(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """Spans wait on disk; the next process sends those, and no record twice."""
    settings = {"url": api.url, "otlp_url": receiver.url}
    receiver.behave(span_status(503))
    source = """
ask()
assert not log10_trace.flush(0.5)
while log10_trace.stats().pending: log10_trace.flush(0.1)
show()
"""
    counts = run(private_home, model, source, **settings)
    assert counts == {"records": [1, 1, 0, 0], "spans": [1, 0, 1, 0]}
    assert not receiver.spans

    receiver.behave(refuse(lambda _: False))
    counts = run(private_home, model, "assert log10_trace.flush(30); show()", **settings)

    assert receiver.ids() == api.ended()
    assert sum(api.times().values()) == 1
    assert counts["records"] == [0, 0, 0, 0]


def test_a_span_that_is_refused_is_kept_as_a_dead_letter(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """Counted, and no hindrance to the others or to its record."""
    receiver.behave(refuse(lambda span: attributes(span).get("log10.tags") == ["bad"]))
    source = """
for number in range(5):
    with log10_trace.tags("bad" if number == 2 else "good"):
        ask()
log10_trace.flush(30)
show()
"""
    counts = run(private_home, model, source, url=api.url, otlp_url=receiver.url)

    assert counts == {"records": [5, 5, 0, 0], "spans": [5, 4, 0, 1]}
    assert len(receiver.spans) == 4
    assert len(list((private_home / "spool" / "otlp" / "dead-letters").iterdir())) == 1


def test_an_endpoint_alone_is_enough(private_home: Path, model: Endpoint, receiver: Receiver) -> None:
    """Where no server is named, and none of this user's ever ran, nothing waits for one."""
    source = "ask(); assert log10_trace.flush(30); show()"
    counts = run(private_home, model, source, otlp_url=receiver.url)

    assert counts == {"records": [1, 1, 0, 0]}
    assert len(receiver.spans) == 1
    assert [each.name for each in (private_home / "spool").iterdir()] == ["otlp"]


def test_a_user_s_own_server_is_not_forgotten(
    private_home: Path, model: Endpoint, receiver: Receiver
) -> None:
    """It ran here before: records wait for it as ever."""
    private_home.mkdir()
    (private_home / "completions.db").touch()
    source = "ask()\nwhile log10_trace.stats().otlp.pending: log10_trace.flush(0.1)\nshow()"
    counts = run(private_home, model, source, otlp_url=receiver.url)

    assert counts["records"] == [1, 0, 1, 0]
    assert len(receiver.spans) == 1


def test_a_forked_child_sends_its_own_spans(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """And none of its parent's."""
    source = """
ask()
child = os.fork()
if not child:
    ask()
    assert log10_trace.flush(30)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert log10_trace.flush(30)
show()
"""
    run(private_home, model, source, url=api.url, otlp_url=receiver.url)

    assert len(receiver.spans) == 2
    assert sorted(receiver.ids()) == sorted(api.ended())


@pytest.mark.usefixtures("patient_ends")
def test_the_end_of_a_program_delivers_both(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """Without a flush, within the time that it may take."""
    run(private_home, model, "ask(); show()", url=api.url, otlp_url=receiver.url, exit_timeout=60)

    assert receiver.ids() == api.ended()
    assert len(receiver.spans) == 1


def test_nothing_of_it_is_imported_without_the_setting(private_home: Path, model: Endpoint) -> None:
    """Neither protobuf nor our own modules."""
    source = """
ask()
needless = ("google.protobuf", "opentelemetry", "log10_trace.otlp.encoding")
loaded = [name for name in sys.modules if name.startswith(needless)]
print(json.dumps({"loaded": loaded}))
"""
    assert run(private_home, model, source, url="http://127.0.0.1:9") == {"loaded": []}


@pytest.mark.parametrize(
    ("name", "value"),
    [("otlp_url", "grpc://h"), ("otlp_url", "http://u:hush@h"), ("otlp_headers", "key=hush,odd")],
)
def test_a_setting_that_cannot_be_used_is_named_without_its_secrets(name: str, value: str) -> None:
    """Headers hold keys."""
    with pytest.raises(ConfigError, match=name) as refused:
        resolve({name: value})

    assert "hush" not in str(refused.value)


def test_the_environment_has_the_settings() -> None:
    """As every other setting."""
    config = resolve(
        {},
        {
            "LOG10_OTLP_URL": "http://h:4318",
            "LOG10_OTLP_HEADERS": "api-key=a%20b",
            "LOG10_OTLP_CONTENT": "yes",
            "LOG10_OTLP_TRACED": "yes",
            "LOG10_OTLP_METRICS": "no",
        },
    )

    assert (config.otlp_url, config.otlp_headers) == ("http://h:4318/v1/traces", {"api-key": "a b"})
    assert (config.otlp_content, config.otlp_traced, config.otlp_metrics) == (True, True, False)


def test_without_the_extra_the_setting_says_what_to_install(private_home: Path) -> None:
    """At once, and not when the first span is to be sent."""
    source = """
import sys
sys.modules["opentelemetry.proto"] = None
import log10_trace
try:
    log10_trace.patch(otlp_url="http://127.0.0.1:4318")
except log10_trace.errors.MissingExtraError as error:
    print(error)
"""
    ended = program(private_home, source)

    assert "pip install 'log10-trace[otel]'" in ended.stdout, ended.stderr


INSTRUMENTED = """
import importlib
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
importlib.import_module({module!r}).OpenAIInstrumentor().instrument(tracer_provider=provider)
with provider.get_tracer("shop").start_as_current_span("order") as order:
    ask()
    list(ask(stream=True))
assert log10_trace.flush(30), log10_trace.stats()
theirs = [each for each in memory.get_finished_spans() if each.name != "order"]
order_id = trace.format_span_id(order.get_span_context().span_id)
assert [trace.format_span_id(each.parent.span_id) for each in theirs] == [order_id] * 2
print(json.dumps({{trace.format_span_id(each.context.span_id): each.name for each in theirs}}))
"""
TRACERS = {
    "OpenTelemetry": "opentelemetry.instrumentation.genai.openai",
    "openai-v2": "opentelemetry.instrumentation.openai_v2",
    "OpenInference": "openinference.instrumentation.openai",
    "OpenLLMetry": "opentelemetry.instrumentation.openai",
}


@pytest.mark.parametrize("tracer", TRACERS)
def test_a_call_that_has_a_span_is_in_its_trace_once(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI, tracer: str
) -> None:
    """An instrumentation that stands beside us has made the span; the record names it, and is none more."""
    module = TRACERS[tracer]
    # The one before OpenTelemetry's present one cannot be imported beside that.
    pytest.importorskip(module, reason=f"{tracer} cannot be imported", exc_type=ImportError)
    source = INSTRUMENTED.format(module=module)
    settings = {"url": api.url, "otlp_url": receiver.url}
    theirs = run(private_home, model, source, **settings)

    assert len(theirs) == 2
    assert not receiver.spans
    records = [record for record in api.stored if record["status"] != "started"]
    assert sorted(record["span_id"] for record in records) == sorted(theirs)
    assert all(record["traced_by"].startswith(module) for record in records)

    theirs = run(private_home, model, source, **settings, otlp_traced=True)

    assert sorted(span.parent_span_id.hex() for span in receiver.spans) == sorted(theirs)


def test_a_call_within_another_span_is_its_child(
    private_home: Path, model: Endpoint, receiver: Receiver, api: CompletionsAPI
) -> None:
    """A span of something else, such as an agent, is the parent of the call's span."""
    source = """
from opentelemetry.sdk.trace import TracerProvider
tracer = TracerProvider().get_tracer("shop")
with tracer.start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}) as span:
    ask()
assert log10_trace.flush(30)
own = span.get_span_context()
print(json.dumps({"ids": [f"{own.trace_id:032x}", f"{own.span_id:016x}"]}))
"""
    found = run(private_home, model, source, url=api.url, otlp_url=receiver.url)

    (span,) = receiver.spans
    assert [span.trace_id.hex(), span.parent_span_id.hex()] == found["ids"]
