"""The table of attributes: every name is one of the conventions, every value has the type that they give."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable
import pytest
from opentelemetry.util import genai

from log10_trace.otlp.conventions import ATTRIBUTES
from log10_trace.otlp.providers import PROVIDERS
from tests.otlp.conftest import ID, record, span_of
from tests.otlp.plain_encoder import make_span
from tests.otlp_receiver import attributes

NAME = re.compile(r'"((?:gen_ai|openai)\.[a-z_.]+)"')


def registered() -> set[str]:
    """Every name of the packages that are generated from the conventions, and of the instrumentations."""
    found: set[str] = set()
    for package in (incubating, stable):
        for path in Path(package.__path__[0]).glob("*_attributes.py"):
            module = importlib.import_module(f"{package.__name__}.{path.stem}")
            found |= {value for value in vars(module).values() if isinstance(value, str) and "." in value}
    # The names of the conventions' latest state are generated nowhere yet.
    for path in Path(genai.__path__[0]).glob("*.py"):
        found |= set(NAME.findall(path.read_text(encoding="utf-8")))
    return found


def test_every_name_is_one_of_the_conventions() -> None:
    """A name that the conventions do not have stands under our own prefix."""
    names = {each.name for each in ATTRIBUTES}

    assert {name for name in names if not name.startswith("log10.")} <= registered()
    assert len(names) == len(ATTRIBUTES)


def test_every_provider_is_one_of_the_conventions() -> None:
    """The conventions name the providers; Moonshot's came after the package that is generated from them."""
    module = importlib.import_module(f"{incubating.__name__}.gen_ai_attributes")
    known = {each.value for each in module.GenAiProviderNameValues}

    assert {provider for _, provider in PROVIDERS} <= known | {"moonshot_ai"}


def test_the_span_of_a_chat_call() -> None:
    """Everything but contents, by name."""
    span = span_of(record())

    assert span is not None
    assert (span.name, span.kind) == ("chat gpt-4o", span.SPAN_KIND_CLIENT)
    assert span.start_time_unix_nano == 1_767_323_045_123_456_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_000_000
    assert not span.HasField("status")
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.request.frequency_penalty": 0.0,
        "gen_ai.request.presence_penalty": 0.1,
        "gen_ai.request.seed": 7,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.stream": True,
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.finish_reasons": ["stop", "length"],
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_write.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "gen_ai.usage.audio.input_tokens": 5,
        "gen_ai.usage.audio.output_tokens": 4,
        "gen_ai.conversation.id": "order-7",
        "openai.api.type": "chat_completions",
        "openai.request.service_tier": "flex",
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1",
        "server.address": "api.openai.com",
        "server.port": 443,
        "code.file.path": "/srv/app.py",
        "code.line.number": 7,
        "code.function.name": "main",
        "log10.id": ID,
        "log10.session_id": "order-7",
        "log10.tags": ["checkout", "beta"],
        "log10.retries": 2,
        "log10.request_id": "req_1",
        "log10.metadata.user_id": 42,
        "log10.metadata.team": "search",
        "log10.metadata.is_test": True,
        "log10.metadata.share": 0.5,
    }


def test_a_failed_call_has_an_error() -> None:
    """The class of the exception is no content; its words may be, and are sent with contents only."""
    failed = record(status="failed", failure_kind="RateLimitError", failure_reason="slow down", response=None)
    plain, full = (span_of(failed, with_content=content) for content in (False, True))

    assert plain is not None
    assert full is not None
    assert plain.status.code == plain.status.STATUS_CODE_ERROR
    assert (plain.status.message, full.status.message) == ("", "slow down")
    assert attributes(plain)["error.type"] == "RateLimitError"
    assert "gen_ai.response.id" not in attributes(plain)


def test_a_failure_without_a_class_is_named_as_the_conventions_do() -> None:
    """``_OTHER`` is their word for it."""
    span = span_of(record(status="failed"))

    assert span is not None
    assert attributes(span)["error.type"] == "_OTHER"


def test_a_call_that_runs_has_no_span() -> None:
    """It is sent when it has ended."""
    assert span_of(record(status="started", response=None)) is None


def test_a_text_completion() -> None:
    """Its operation is another, and it is of no OpenAI API that the conventions name."""
    text = record(kind="prompt", endpoint="/completions", request={"model": "m", "prompt": "a"})
    span = span_of(text)

    assert span is not None
    assert span.name == "text_completion m"
    assert "openai.api.type" not in attributes(span)


def test_a_call_without_a_model() -> None:
    """The span's name is the operation alone."""
    span = span_of(record(request={}))

    assert span is not None
    assert span.name == "chat"
    assert "gen_ai.request.model" not in attributes(span)


@pytest.mark.parametrize(
    ("base_url", "provider", "address", "port"),
    [
        ("https://acme.openai.azure.com/openai", "azure.ai.openai", "acme.openai.azure.com", 443),
        ("https://api.groq.com/openai/v1", "groq", "api.groq.com", 443),
        (
            "https://generativelanguage.googleapis.com/v1beta",
            "gcp.gemini",
            "generativelanguage.googleapis.com",
            443,
        ),
        (
            "https://us-central1-aiplatform.googleapis.com/v1",
            "gcp.vertex_ai",
            "us-central1-aiplatform.googleapis.com",
            443,
        ),
        ("http://127.0.0.1:8000/v1", "openai", "127.0.0.1", 8000),
        ("https://evil.example/?api.groq.com", "openai", "evil.example", 443),
        ("nonsense", "openai", None, None),
        ("http://[::1", "openai", None, None),
        ("http://h:99999999", "openai", None, None),
    ],
)
def test_the_provider_is_told_by_the_base_url(
    base_url: str, provider: str, address: str | None, port: int | None
) -> None:
    """An address that names no provider is that of the API that is spoken."""
    span = span_of(record(base_url=base_url))

    assert span is not None
    found = attributes(span)
    assert found["gen_ai.provider.name"] == provider
    assert (found.get("server.address"), found.get("server.port")) == (address, port)


def test_openai_attributes_are_openai_s_alone() -> None:
    """Another provider's service tier is not told as OpenAI's."""
    span = span_of(record(base_url="https://api.groq.com/openai/v1"))

    assert span is not None
    assert not [name for name in attributes(span) if name.startswith("openai.")]


@pytest.mark.parametrize(
    "session_id", [None, "", "7b0e2b6e-6a35-4d1d-9d0d-6a3c1a0e4c55"], ids=["none", "empty", "made"]
)
def test_an_id_that_was_made_for_a_session_is_no_conversation(session_id: str | None) -> None:
    """It is a UUID of version 4; the conventions ask not to make one up."""
    span = span_of(record(session_id=session_id))

    assert span is not None
    assert "gen_ai.conversation.id" not in attributes(span)


@pytest.mark.parametrize(
    "fields",
    [
        {"request": {"temperature": "hot", "seed": 1 << 70, "stop": [1, None], "n": "x", "stream": "yes"}},
        {"request": {"top_p": float("inf"), "max_tokens": True, "messages": 3, "tools": "no"}},
        {"request": "text", "response": "<html>", "native_request": 5, "stacktrace": {"a": 1}},
        {"request": None, "response": None, "tags": 7, "metadata": [1], "base_url": 9, "session_id": 4},
        {"stacktrace": [None], "retries": -1, "duration": "long", "time_to_first_token": []},
        {"tags": ["\ud800", "\x00"], "metadata": {"a\ud83d": "b\udfff"}, "request": {"model": "\udc00m"}},
        {"duration": 1e300, "created_at": "2026-01-02"},
        {"created_at": "9999-12-31T23:59:59Z", "duration": 10**11},
        {"created_at": "0001-01-01T00:00:00Z"},
        {"created_at": "2026-01-02Z"},
        {"created_at": "2026-01-02+00:00"},
        {"created_at": 12},
        {"status": "failed", "failure_kind": "E", "failure_reason": "slow \ud800 down", "response": None},
        {"status": "failed", "failure_reason": 7, "trace_id": "a" * 32, "span_id": "b" * 16},
        {"request_id": "é" * 70, "tags": ["", "é" * 101, *map(str, range(600))], "session_id": "x" * 20_000},
        {"retries": -(1 << 63), "request": {"seed": (1 << 63) - 1, "max_tokens": 1 << 14, "top_p": -0.0}},
        {"metadata": {"least": -(1 << 63), "more": 1 << 63, "é": "", "huge": 10**30, "no": None}},
        {"request": {"messages": [{"role": "user", "content": [{"type": "x", "y": [float("nan"), 1.5]}]}]}},
        {"request": {"messages": [{"role": "user", "content": 'half \ud83d, \x00\x7f"\\ 🙂\n\u2028'}]}},
    ],
)
@pytest.mark.parametrize("with_content", [False, True])
def test_a_span_is_written_as_the_protocol_s_own_package_writes_it(
    fields: dict[str, object], with_content: bool
) -> None:
    """Whatever the values are: what is not of the type that the conventions give is left out."""
    span = span_of(record(**fields), with_content=with_content)

    assert span is not None
    assert span == make_span(record(**fields), with_content=with_content)
    assert span == span_of(record(**fields), with_content=with_content), "remembered values are the same"
