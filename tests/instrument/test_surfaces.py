"""Every way a program calls the SDK leaves its record, and the record is what was on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from tests.instrument import programs
from tests.instrument.conftest import Kept
from tests.model_answers import chat, response
from tests.model_endpoint import Endpoint, json_answer

ALL = dict(programs.every())
PARSED = json.dumps({"text": "hi"})
KEY = "sk-s3cr3t-0123456789"


CANNOT = (
    "unexpected keyword",
    "is not JSON serializable",
    "__enter__",
    "__aenter__",
    "Invalid state, expected",
)
"""What openai 1.0 to 1.5 say of programs that later versions run."""


def run(program: programs.Program, endpoint: Endpoint, **more: Any) -> Any:
    """Run it to its end with a client of its own."""
    options = {"base_url": endpoint.url, "api_key": KEY, "max_retries": 0, **more}
    if program.is_async:
        return asyncio.run(_awaited(program, options))
    with openai.OpenAI(**options) as client, older_versions_skip():
        skip_without(client, program)
        return program.run(client)


@contextmanager
def older_versions_skip() -> Iterator[None]:
    """What a version of the SDK does not take yet cannot be recorded with it."""
    try:
        yield
    except (TypeError, AttributeError, RuntimeError) as error:
        if any(words in str(error) for words in CANNOT):
            pytest.skip(f"openai {openai.__version__}: {error}")
        raise


async def _awaited(program: programs.Program, options: dict[str, Any]) -> Any:
    async with openai.AsyncOpenAI(**options) as client:
        skip_without(client, program)
        with older_versions_skip():
            return await program.run(client)


def skip_without(client: Any, program: programs.Program) -> None:
    if not programs.has(client, program.needs):
        pytest.skip(f"openai {openai.__version__} has no {program.needs}")


def script_for(name: str, endpoint: Endpoint) -> None:
    """Answers that fit, where the endpoint's own do not."""
    if "parse" in name and "responses" in name:
        endpoint.script(json_answer(response(PARSED)))
    elif "parse" in name and "parsed" not in name:
        endpoint.script(json_answer(chat(PARSED)))


@pytest.mark.parametrize("name", ALL)
def test_a_call_leaves_its_record(name: str, endpoint: Endpoint, kept: Kept) -> None:
    """One call, one record, whose request is the body that the endpoint received."""
    script_for(name, endpoint)

    run(ALL[name], endpoint)

    assert len(kept.payloads) == ALL[name].records
    assert len(kept.begun) == len(kept.payloads)
    sent = sorted(received.body for received in endpoint.received if received.method == "POST")
    for record, body in zip(sorted(kept.records, key=_request_of), sent, strict=False):
        assert _request_of(record) == json.dumps(json.loads(body))
        assert record["status"] == "finished"
        assert record["duration"] > 0
        assert record["request_id"].startswith("req_")
        assert record.get("retries") in (0, None)
        assert record["base_url"] == endpoint.url + "/"
        assert record["stacktrace"][-1]["file"] == programs.__file__
        assert ("time_to_first_token" in record) == _is_read_stream(name, body)


def _is_read_stream(name: str, body: bytes) -> bool:
    return bool(json.loads(body).get("stream"))


def _request_of(record: dict[str, Any]) -> str:
    return json.dumps(record.get("native_request", record["request"]))


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name].records])
def test_a_record_has_the_response(name: str, endpoint: Endpoint, kept: Kept) -> None:
    """Plain or streamed, parsed or raw: the text is there, unless the program did not read it."""
    script_for(name, endpoint)

    run(ALL[name], endpoint)

    for record in kept.records:
        unread = "not at all" in name
        assert record.get("interrupted", False) == (unread or "in part" in name)
        if unread:
            assert record["response"] is None
        elif "in part" not in name:
            choice = record["response"]["choices"][0]
            said = choice["text"] if record["kind"] == "prompt" else choice["message"]["content"]
            assert said == (PARSED if "parse" in name and "parsed" not in name else "Hello there")
            assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["chat", "responses stream", "async chat stream", "raw response"])
def test_no_secret_is_stored(name: str, endpoint: Endpoint, kept: Kept) -> None:
    """No header and no key stands in any byte of a record."""
    headers = {"x-private": "header-s3cr3t-1", "authorization": f"Bearer {KEY}"}
    options = {"default_headers": headers, "organization": "org-s3cr3t-2"}

    run(ALL[name], endpoint, **options)

    stored = b"".join(kept.payloads)
    assert endpoint.received[0].headers["x-private"] == "header-s3cr3t-1"
    assert b"s3cr3t" not in stored


def test_a_key_in_the_source_is_not_stored(endpoint: Endpoint, kept: Kept) -> None:
    """A key that a program names in the very line of its call does not come into the record with the line."""
    url = endpoint.url
    openai.OpenAI(base_url=url, api_key="never-to-be-seen").completions.create(**programs.TEXT)
    openai.OpenAI(base_url=url, api_key="k", default_headers={"Authorization": "Bearer never-seen"}).post(
        "/completions", cast_to=programs.Body, body=programs.TEXT
    )

    assert b"never-" not in b"".join(kept.payloads)
    assert "completions.create" in kept.records[0]["stacktrace"][-1]["line"]


def test_azure_is_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """Azure rewrites the path for its deployments; the record says what was called."""
    with openai.AzureOpenAI(
        azure_endpoint=endpoint.url.removesuffix("/v1"), api_key=KEY, api_version="2024-10-21"
    ) as client:
        client.chat.completions.create(**programs.CHAT)
        list(client.chat.completions.create(**programs.CHAT, stream=True))

    assert "/deployments/m/chat/completions" in endpoint.received[0].path
    assert [record["endpoint"] for record in kept.records] == ["/chat/completions"] * 2
    assert b"s3cr3t" not in b"".join(kept.payloads)


def test_the_module_level_client_is_recorded(
    endpoint: Endpoint, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``openai.chat.completions.create`` is a client like any other."""
    monkeypatch.setattr(openai, "base_url", endpoint.url)
    monkeypatch.setattr(openai, "api_key", KEY)

    openai.chat.completions.create(**programs.CHAT)

    assert kept.one["status"] == "finished"
    openai._reset_client()


def test_a_subclassed_client_is_recorded_once(endpoint: Endpoint, kept: Kept) -> None:
    """A client that a program derives, and whose ``request`` it overrides, is recorded all the same."""

    class Client(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    with Client(base_url=endpoint.url, api_key=KEY) as client:
        client.chat.completions.create(**programs.CHAT)

    assert kept.one["stacktrace"][-1]["name"] == "request"


def test_methods_bound_before_patching_are_recorded(
    endpoint: Endpoint, request: pytest.FixtureRequest
) -> None:
    """A client, a resource and a method that were there before ``patch()`` are recorded from then on."""
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client:
        create, raw, post = (
            client.chat.completions.create,
            client.chat.completions.with_raw_response.create,
            client.post,
        )
        kept: Kept = request.getfixturevalue("kept")

        create(**programs.CHAT)
        raw(**programs.CHAT)
        post("/chat/completions", cast_to=programs.Body, body=programs.CHAT)

    assert len(kept.payloads) == 3


def test_a_custom_http_client_is_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """A program's own HTTP client and transport stay in use and are seen through."""
    http = pytest.importorskip("openai._base_client").__dict__
    library = http.get("httpx2") or http["httpx"]

    def answer(request: Any) -> Any:
        return library.Response(200, json=chat("from the transport"))

    transport = library.MockTransport(answer)
    with openai.OpenAI(
        base_url=endpoint.url, api_key=KEY, http_client=library.Client(transport=transport)
    ) as client:
        client.chat.completions.create(**programs.CHAT)

    assert kept.one["response"]["choices"][0]["message"]["content"] == "from the transport"


def test_the_aiohttp_backed_client_is_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """Another transport under the async client is seen through as well, streams included."""
    if not hasattr(openai, "DefaultAioHttpClient"):
        pytest.skip("this version has no DefaultAioHttpClient")

    async def main() -> None:
        try:
            http_client = openai.DefaultAioHttpClient()
        except RuntimeError as error:
            pytest.skip(str(error))
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key=KEY, http_client=http_client) as client:
            await client.chat.completions.create(**programs.CHAT)
            async for _ in await client.chat.completions.create(**programs.CHAT, stream=True):
                pass

    asyncio.run(main())

    said = [record["response"]["choices"][0]["message"]["content"] for record in kept.records]
    assert said == ["Hello there"] * 2


def test_a_legacy_http_client_is_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """Openai 3 takes a client of the HTTP library that it has left: both families are recorded."""
    import httpx

    with openai.OpenAI(base_url=endpoint.url, api_key=KEY, http_client=httpx.Client()) as client:
        client.chat.completions.create(**programs.CHAT)
        list(client.chat.completions.create(**programs.CHAT, stream=True))

    said = [record["response"]["choices"][0]["message"]["content"] for record in kept.records]
    assert said == ["Hello there"] * 2


def test_one_call_is_one_record_whatever_the_retries(endpoint: Endpoint, kept: Kept) -> None:
    """Two attempts that failed and one that did not are one finished call with two retries."""
    busy = json_answer({}, status=500, headers={"retry-after-ms": "1"})
    endpoint.script(busy, busy)

    run(ALL["chat"], endpoint, max_retries=2)

    assert len(endpoint.received) == 3
    assert kept.one.get("retries", 2) == 2
