"""What is recorded of exchanges: the same as of a call of the patched SDK."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import openai
import pytest

from log10_trace import instrument
from log10_trace.instrument.sampling import Sampling
from log10_trace.proxy import exchange_recording
from log10_trace.record import body_sizes
from log10_trace.record.body_sizes import CUT_BYTES, MAX_BODIES_BYTES
from log10_trace.server.http.limits import Limits
from tests.instrument.conftest import Kept
from tests.instrument.test_replay import PATHS
from tests.model_answers import chat_chunks
from tests.model_endpoint import Endpoint, encoded, error_answer, json_answer, sse, sse_answer
from tests.proxy.conftest import PATIENCE_S, RunningProxy, read_until, running_proxy
from tests.recorded import needed

OWN = {
    "id", "created_at", "duration", "time_to_first_token", "stacktrace", "session_id", "base_url",
    "request_id", "source", "via",
}  # fmt: skip
"""Fields that differ from call to call."""
SHARES = 4
"""The recorded exchanges are shared out to so many tests."""
SDK_FAILURES = ("JSONDecodeError",)
"""What the SDK raises where the response is as it should be, and nobody else knows of."""
THOUSAND_TAGS = [f"t{number}" for number in range(1000)]
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Plan a trip to Tromsø."}]}


def client(url: str, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="sk-of-the-test-0123456789", **{"max_retries": 0, **more})


def common(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in OWN}


def call(sdk: openai.OpenAI, way: str) -> None:
    """Make a call of one kind; what comes of it is the record's business."""
    try:
        if way == "chat":
            sdk.chat.completions.create(**ASKED)
        elif way == "stream":
            list(sdk.chat.completions.create(stream=True, **ASKED))
        elif way == "text":
            sdk.completions.create(model="m", prompt="p")
        elif way == "text stream":
            list(sdk.completions.create(model="m", prompt="p", stream=True))
        elif way == "responses":
            sdk.responses.create(model="m", input="i")
        else:
            list(sdk.responses.create(model="m", input="i", stream=True))
    except openai.APIError:
        pass
    finally:
        sdk.close()


def record_of_sdk(url: str, way: str) -> dict[str, Any]:
    """The record that ``patch()`` makes of the call."""
    kept = Kept()
    instrument.install(kept)
    try:
        call(client(url), way)
    finally:
        instrument.uninstall()
    return kept.one


WAYS = ("chat", "stream", "text", "text stream", "responses", "responses stream")


@pytest.mark.parametrize("way", WAYS)
def test_a_call_has_the_record_of_the_patched_sdk(endpoint: Endpoint, proxy: RunningProxy, way: str) -> None:
    """Every endpoint, plain and streamed: request, response, status and kind are the same."""
    direct = record_of_sdk(endpoint.url, way)
    call(client(f"{proxy.url}/v1"), way)
    (record,) = proxy.sink.wait_for()

    assert common(record) == common(direct)
    assert record["base_url"] == direct["base_url"]
    assert (record["stacktrace"], record["via"]) == ([], "proxy")
    assert ("time_to_first_token" in record) == ("time_to_first_token" in direct)
    assert endpoint.received[0].body == endpoint.received[1].body


@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_of_anthropic_is_recorded(endpoint: Endpoint, proxy: RunningProxy, streamed: bool) -> None:
    """Its messages have a view as chat, and the originals beside it."""
    asked = {**ASKED, "max_tokens": 9, "stream": streamed}
    through = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE_S)
    through.request("POST", "/v1/messages", json.dumps(asked), {"x-api-key": "sk-ant-0123456789"})
    answer = through.getresponse().read()
    through.close()
    (record,) = proxy.sink.wait_for()

    assert (record["endpoint"], record["status"]) == ("/messages", "finished")
    assert record["native_request"] == asked
    assert record["native_response"]["type"] == "message"
    assert streamed or record["native_response"] == json.loads(answer)
    assert record["response"]["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 429, 500, 503])
def test_an_error_has_the_record_of_the_patched_sdk(
    endpoint: Endpoint, proxy: RunningProxy, status: int
) -> None:
    """The failure is named as the SDK's exception, with the API's message."""
    answers = [error_answer(status, "that went wrong") for _ in range(2)]
    endpoint.script(*answers)
    direct = record_of_sdk(endpoint.url, "chat")
    call(client(f"{proxy.url}/v1"), "chat")
    (record,) = proxy.sink.wait_for()

    assert record["status"] == "failed"
    assert record["failure_kind"] == direct["failure_kind"]
    assert "that went wrong" in record["failure_reason"]
    assert record["response"] == direct["response"]


@pytest.mark.parametrize("way", ["chat", "stream"])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_compressed_response_is_decoded_in_the_record_alone(
    endpoint: Endpoint, proxy: RunningProxy, way: str, coding: str
) -> None:
    """The client gets the compressed bytes, the record has the JSON."""
    plain = (
        json_answer({"choices": [], "x": "Hello"}) if way == "chat" else sse_answer(*sse(*chat_chunks("a")))
    )
    endpoint.script(encoded(plain, coding), encoded(plain, coding))
    direct = record_of_sdk(endpoint.url, way)
    call(client(f"{proxy.url}/v1"), way)
    (record,) = proxy.sink.wait_for()

    assert common(record) == common(direct)


@pytest.mark.parametrize("share", range(SHARES))
def test_recorded_exchanges_have_the_records_of_the_patched_sdk(
    endpoint: Endpoint, proxy: RunningProxy, share: int
) -> None:
    """What twenty-odd providers answered gives the same record both ways, and the client the same bytes."""
    kept, sdk = Kept(), client(endpoint.url)
    through = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE_S)
    instrument.install(kept)
    try:
        for exchange in needed()[share::SHARES]:
            endpoint.exchanges[exchange["id"]] = exchange
            call_again(sdk, exchange)
            sent = endpoint.received[-1]
            through.request("POST", sent.path, sent.body, {"x-replay-id": exchange["id"]})
            assert through.getresponse().read() == exchange["body"].encode("utf-8", "surrogatepass")

            direct, record = kept.one, proxy.sink.wait_for()[0]
            kept.payloads.clear()
            proxy.sink.payloads.clear()
            if direct.get("failure_kind") not in SDK_FAILURES:
                assert without_retries(record) == without_retries(direct), exchange["id"]
    finally:
        instrument.uninstall()
        sdk.close()
        through.close()


def call_again(sdk: openai.OpenAI, exchange: dict[str, Any]) -> None:
    """Make the call of a recorded exchange; what the SDK thinks of the answer does not matter here."""
    streamed = exchange["stream"]
    try:
        result: Any = sdk.post(
            PATHS[exchange["kind"]],
            cast_to=object,
            body=exchange["request"],
            options={"headers": {"x-replay-id": exchange["id"]}},
            stream=streamed,
            stream_cls=openai.Stream[object] if streamed else None,
        )
        for _ in result if streamed else ():
            pass
    except (openai.APIError, ValueError):
        pass


def without_retries(record: dict[str, Any]) -> dict[str, Any]:
    """What both ways have; only the SDK says how often it tried."""
    return {name: value for name, value in common(record).items() if name not in ("retries", "sequence")}


def test_labels_come_in_headers_that_are_not_passed_on(endpoint: Endpoint, proxy: RunningProxy) -> None:
    """Tags, session and metadata of the client stand in the record, and the API does not see them."""
    labels = {
        "X-Log10-Tags": "checkout, v2,checkout",
        "X-Log10-Session": "session-1",
        "X-Log10-Metadata": '{"user": 42, "place": "Troms\\u00f8"}',
    }
    call(client(f"{proxy.url}/v1", default_headers=labels), "chat")
    (record,) = proxy.sink.wait_for()

    assert record["tags"] == ["checkout", "v2"]
    assert record["session_id"] == "session-1"
    assert record["metadata"] == {"user": 42, "place": "Tromsø"}
    assert not [name for name in endpoint.received[0].headers if "log10" in name]


@pytest.mark.parametrize(
    ("header", "field", "expected"),
    [
        (("X-Log10-Metadata", "team=search, stage=test"), "metadata", {"team": "search", "stage": "test"}),
        (("X-Log10-Metadata", "[1]"), "metadata", None),
        (("X-Log10-Metadata", '{"a": {"b": 1}}'), "metadata", None),
        (("X-Log10-Metadata", "{"), "metadata", None),
        (("X-Log10-Tags", "a," + "b" * 2000), "tags", ["a"]),
        (("X-Log10-Session", "with a space"), "session_id", None),
        (("X-Log10-Tags", ",".join(f"t{number}" for number in range(2000))), "tags", THOUSAND_TAGS),
        (("X-Session-Id", "session-2"), "session_id", "session-2"),
        (("X-Session-Id", "with a space"), "session_id", None),
    ],
)
def test_a_label_that_cannot_be_used_is_left_out(
    endpoint: Endpoint, proxy: RunningProxy, header: tuple[str, str], field: str, expected: Any
) -> None:
    """The call passes all the same; what can be read of its labels is in the record."""
    call(client(f"{proxy.url}/v1", default_headers=dict([header])), "chat")
    (record,) = proxy.sink.wait_for()

    assert record.get(field) == expected
    assert record["status"] == "finished"
    passed = endpoint.received[0].headers.get(header[0].lower())
    assert passed == (None if header[0].startswith("X-Log10") else header[1])


@pytest.fixture
def small_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record has room for less."""
    monkeypatch.setattr(body_sizes, "MAX_BODIES_BYTES", 40_000)
    monkeypatch.setattr(exchange_recording, "CUT_BYTES", 1_000)


@pytest.mark.parametrize(
    ("path", "sent", "kept"),
    [
        ("chat/completions", (30_000, 9_000), (30_000, 9_000)),
        ("chat/completions", (50_000, 30_000), (1_000, 30_000)),
        ("chat/completions", (30_000, 20_000), (30_000, 1_000)),
        ("responses", (15_000, 5_000), (15_000, 5_000)),
        ("responses", (30_000, 5_000), (1_000, 5_000)),
    ],
)
@pytest.mark.usefixtures("small_bodies")
def test_of_a_body_that_is_too_large_its_beginning_is_kept(
    endpoint: Endpoint, proxy: RunningProxy, path: str, sent: tuple[int, int], kept: tuple[int, int]
) -> None:
    """All of it passes, and the record is one that a server takes; of the other body it has all."""
    asked, answered = (json.dumps("a" * (size - 2)).encode() for size in sent)
    endpoint.script(json_answer(answered))
    passed = proxy.ask(
        b"POST /v1/%b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (path.encode(), len(asked), asked)
    )
    (record,) = proxy.sink.wait_for()

    assert passed.endswith(b"\r\n\r\n" + answered)
    assert endpoint.received[0].body == asked
    prefix = "native_" if path == "responses" else ""
    for name, body, size in zip(("request", "response"), (asked, answered), kept, strict=True):
        whole = body.decode() if size < len(body) else json.loads(body)
        assert record[prefix + name] == whole[:size]
    assert Limits().body_bytes > MAX_BODIES_BYTES + CUT_BYTES


@pytest.mark.parametrize(("count", "expected"), [(b"2", 2), (b"9" * 5000, None), (b"-1", None)])
def test_a_number_of_retries_that_is_none_costs_no_record(
    proxy: RunningProxy, count: bytes, expected: int | None
) -> None:
    """Whatever a client says of its retries, its call is recorded from beginning to end."""
    proxy.ask(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n"
        b"X-Stainless-Retry-Count: %b\r\n\r\n{}" % count
    )
    (record,) = proxy.sink.wait_for()

    assert (record["status"], record.get("retries")) == ("finished", expected)


def test_settings_of_the_recording_hold(endpoint: Endpoint) -> None:
    """Tags and metadata of the settings come first; a call that sampling leaves out is passed alone."""
    settings: dict[str, Any] = {"tags": ("proxy",), "metadata": {"team": "search"}}
    with running_proxy(endpoint.url, capture=settings) as proxy:
        call(client(f"{proxy.url}/v1", default_headers={"X-Log10-Tags": "own"}), "chat")
        (record,) = proxy.sink.wait_for()
    assert (record["tags"], record["metadata"]) == (["proxy", "own"], {"team": "search"})

    left_out: list[None] = []
    nothing = Sampling(0.0, keep_failures=True, count_left_out=lambda: left_out.append(None))
    with running_proxy(endpoint.url, capture={"sampling": nothing}) as proxy:
        call(client(f"{proxy.url}/v1"), "chat")
        endpoint.script(error_answer(500))
        call(client(f"{proxy.url}/v1"), "chat")
        (record,) = proxy.sink.wait_for()
    assert record["status"] == "failed"
    assert len(left_out) == 1


@pytest.mark.parametrize(
    ("traceparent", "expected"),
    [
        (f"00-{'4bf92f35' * 4}-00f067aa0ba902b7-01", ("4bf92f35" * 4, "00f067aa0ba902b7")),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", (None, None)),
        ("nonsense", (None, None)),
    ],
)
def test_the_span_of_the_client_is_in_the_record(
    endpoint: Endpoint, proxy: RunningProxy, traceparent: str, expected: tuple[str | None, str | None]
) -> None:
    """A program that is instrumented in another language is found by its trace; the header is passed on."""
    call(client(f"{proxy.url}/v1", default_headers={"traceparent": traceparent}), "chat")
    (record,) = proxy.sink.wait_for()

    assert (record.get("trace_id"), record.get("span_id")) == expected
    assert endpoint.received[0].headers["traceparent"] == traceparent


@pytest.mark.parametrize(
    ("path", "endpoint_name", "base"),
    [
        ("/v1/chat/completions?api-version=1&key=sk-secret", "/chat/completions", "/v1/"),
        ("/chat/completions", "/chat/completions", "/v1/"),
        ("/v1/openai/deployments/gpt/chat/completions", "/chat/completions", "/v1/openai/deployments/gpt/"),
        ("/v1/responses/", "/responses", "/v1/"),
        ("/v1/messages", "/messages", "/v1/"),
        ("/v1/threads/t/messages", None, None),
        ("/v1/embeddings", None, None),
        ("/v1/responses/resp_1/cancel", None, None),
    ],
)
def test_endpoints_are_known_by_the_end_of_their_path(
    endpoint: Endpoint, proxy: RunningProxy, path: str, endpoint_name: str | None, base: str | None
) -> None:
    """Also below other paths, as Azure and gateways have them; every other path passes without a record."""
    proxy.ask(
        b"POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}" % path.encode()
    )

    records = proxy.sink.wait_for() if endpoint_name else proxy.sink.records
    expected = [(endpoint_name, endpoint.url.removesuffix("/v1") + base)] if endpoint_name and base else []
    assert [(record["endpoint"], record["base_url"]) for record in records] == expected
    assert "sk-secret" not in json.dumps(records)


def test_what_a_provider_repeats_of_the_key_is_masked(endpoint: Endpoint, proxy: RunningProxy) -> None:
    """Neither response nor reason of a record has the key, the client's answer does."""
    key = "sk-of-the-test-0123456789"
    endpoint.script(error_answer(401, f"Incorrect API key: {key}"))
    with client(f"{proxy.url}/v1") as sdk, pytest.raises(openai.AuthenticationError, match=key):
        sdk.chat.completions.create(**ASKED)
    (record,) = proxy.sink.wait_for()

    assert key not in json.dumps(record)
    assert "***" in record["failure_reason"]
    assert "***" in record["response"]["error"]["message"]


def test_a_client_that_leaves_a_stream_is_no_failure(endpoint: Endpoint, proxy: RunningProxy) -> None:
    """The record has what the client got, and says that it was interrupted."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*chat_chunks("Hello", " there"))[:2], held))
    try:
        with proxy.connect() as connection:
            body = json.dumps({**ASKED, "stream": True}).encode()
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
                + body
            )
            read_until(connection, b"Hello")
            (shown,) = proxy.sink.shown
        (record,) = proxy.sink.wait_for()
    finally:
        held.set()

    assert record["id"] == shown
    assert (record["status"], record["interrupted"]) == ("finished", True)
    assert record["response"]["choices"][0]["message"]["content"] == "Hello"


def test_a_client_that_leaves_before_the_response_has_a_failed_record(
    endpoint: Endpoint, proxy: RunningProxy
) -> None:
    """With the request that was sent, as of a call that was cancelled."""
    held = threading.Event()
    endpoint.script(json_answer({}, held=held))
    try:
        with proxy.connect() as connection:
            connection.sendall(
                b'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n{"model":"m"}'
            )
        (record,) = proxy.sink.wait_for()
    finally:
        held.set()

    assert (record["status"], record["failure_kind"]) == ("failed", "ClientDisconnected")
    assert record["request"] == {"model": "m"}


def test_a_client_that_leaves_after_done_has_a_whole_record(endpoint: Endpoint, proxy: RunningProxy) -> None:
    """``[DONE]`` ends the call, whatever becomes of the connection."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*chat_chunks("Hello")), held))
    try:
        with proxy.connect() as connection:
            connection.sendall(
                b'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n{"stream":true}'
            )
            read_until(connection, b"[DONE]")
            (record,) = proxy.sink.wait_for()
    finally:
        held.set()

    assert record["status"] == "finished"
    assert "interrupted" not in record
