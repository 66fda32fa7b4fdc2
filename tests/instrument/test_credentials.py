"""What a request was sent with is in no record, though a provider repeats it in its error."""

from __future__ import annotations

import asyncio
import base64
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import openai
import pytest

from log10_trace.guard import faults
from log10_trace.instrument import credentials
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT
from tests.model_answers import chat_chunks
from tests.model_endpoint import Endpoint, encoded, error_answer, json_answer, sse, sse_answer

SECRET = 'sk-Very+Secret/0123456789 abc"d=='
SAFE = "tok-0123456789abcdef"

CLIENTS: dict[str, Callable[[str, str], Any]] = {
    "api_key": lambda url, key: openai.OpenAI(base_url=url, api_key=key),
    "api_key, function": lambda url, key: openai.OpenAI(base_url=url, api_key=lambda: key),  # type: ignore[arg-type, return-value]
    "default_headers": lambda url, key: openai.OpenAI(
        base_url=url, api_key="placeholder", default_headers={"Authorization": f"Bearer {key}"}
    ),
    "another header": lambda url, key: openai.OpenAI(
        base_url=url, api_key="placeholder", default_headers={"x-portkey-virtual-key": key}
    ),
    "a header that tells nothing": lambda url, key: openai.OpenAI(
        base_url=url, api_key="placeholder", default_headers={"x-team": key}
    ),
    "a cookie": lambda url, key: openai.OpenAI(
        base_url=url, api_key="placeholder", default_headers={"cookie": f"lang=en; id={key}"}
    ),
    "JSON in a header": lambda url, key: openai.OpenAI(
        base_url=url, api_key="placeholder", default_headers={"x-config": json.dumps({"api_key": key})}
    ),
    "basic": lambda url, key: openai.OpenAI(
        base_url=url,
        api_key="placeholder",
        default_headers={"Authorization": "Basic " + base64.b64encode(f"me:{key}".encode()).decode()},
    ),
    "default_query": lambda url, key: openai.OpenAI(
        base_url=url, api_key="placeholder", default_query={"key": key}
    ),
    "password": lambda url, key: openai.OpenAI(
        base_url=url.replace("//", f"//me:{quote(key, safe='')}@"), api_key="placeholder"
    ),
    "azure_ad_token": lambda url, key: openai.AzureOpenAI(
        azure_endpoint=url, azure_ad_token=key, api_version="2024-06-01"
    ),
    "azure_ad_token_provider": lambda url, key: openai.AzureOpenAI(
        azure_endpoint=url, azure_ad_token_provider=lambda: key, api_version="2024-06-01"
    ),
}


def kept_bytes(kept: Kept) -> str:
    return b"".join(kept.payloads).decode("utf-8", "surrogateescape") + json.dumps(kept.records)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("way", CLIENTS)
def test_what_an_error_repeats_is_masked(kept: Kept, endpoint: Endpoint, way: str, stream: bool) -> None:
    """However the credential was given to the SDK; the program's own exception is as it was."""
    message = f"Received API Key = {SAFE}, in short"
    endpoint.script(error_answer(401, message))
    with CLIENTS[way](endpoint.url, SAFE) as client:
        if way == "api_key, function" and client.api_key:
            pytest.skip("this version takes no function as api_key")
        with pytest.raises(openai.AuthenticationError, match=SAFE):
            client.chat.completions.create(**CHAT, stream=stream)

    assert SAFE not in kept_bytes(kept)
    assert "Received API Key = ***, in short" in kept.one["failure_reason"]
    assert kept.one["response"]["error"]["message"] == "Received API Key = ***, in short"


ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted": lambda key: quote(key, safe=""),
    "quoted, small letters": lambda key: quote(key, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    "quoted for a form": quote_plus,
    "quoted twice": lambda key: quote(quote(key, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)),
    "JSON with escaped slashes": lambda key: json.dumps(key).replace("/", "\\/"),
    "JSON by number": lambda key: "".join(c if c.isalnum() else f"\\u{ord(c):04X}" for c in key),
    "HTML": html.escape,
    "Python": repr,
}


@pytest.mark.parametrize("extra", ["extra_headers", "extra_query"])
@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_may_be_encoded(kept: Kept, endpoint: Endpoint, echo: str, extra: str) -> None:
    """Quoted for a URL, escaped for JSON or HTML, once or twice: nothing of the credential is kept."""
    endpoint.script(error_answer(403, f"not with {ECHOES[echo](SECRET)}."))
    given: dict[str, Any] = {extra: {"x-gateway-token": SECRET}}
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as client, pytest.raises(openai.APIStatusError):
        client.chat.completions.create(**CHAT, **given)

    assert "0123456789" not in kept_bytes(kept)
    assert "***" in kept.one["failure_reason"]


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_an_error_inside_a_good_answer_is_masked(kept: Kept, endpoint: Endpoint, coding: str | None) -> None:
    """In the middle of a stream, compressed or not, and as a whole answer with status 200."""
    error = {"error": {"message": f"key {SAFE} is used up", "type": "x", "code": 1}}
    broken = sse_answer(*sse(*chat_chunks("a")[:2], error, done=False))
    endpoint.script(encoded(broken, coding) if coding else broken, json_answer(error))
    with openai.OpenAI(base_url=endpoint.url, api_key="k", default_headers={"x-gateway": SAFE}) as client:
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(**CHAT, stream=True))
        client.chat.completions.create(**CHAT)

    streamed, _ = kept.records
    assert SAFE not in kept_bytes(kept)
    assert streamed["failure_reason"] == "key *** is used up"
    assert streamed["response"]["choices"][0]["message"]["content"] == "a"


def test_async_and_refreshed(kept: Kept, endpoint: Endpoint) -> None:
    """Each try has a token of its own: the one that the provider repeats is masked, whichever it is."""
    tokens = ["first-token-0123456789", "second-token-0123456789"]
    endpoint.script(error_answer(500), error_answer(401, f"neither {tokens[0]} nor {tokens[1]}"))
    given = iter(tokens)

    async def call() -> None:
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint.url, azure_ad_token_provider=lambda: next(given), api_version="1"
        ) as client:
            await client.chat.completions.create(**CHAT)

    with pytest.raises(openai.AuthenticationError):
        asyncio.run(call())

    # openai 1.0 sends the first token again, and the other is then none that was sent.
    other = "***" if tokens[1] in endpoint.received[-1].headers["authorization"] else tokens[1]
    assert kept.one["response"]["error"]["message"] == f"neither *** nor {other}"


HARMLESS = {
    "x-mode": "production",
    "x-place": "Oslo-North",
    "x-host": "gateway.example.com:8080",
    "x-number": "12345",
    "x-date": "2024-06-01",
    "x-type": "application/json",
    "x-short": "en-1",
    "x-version": "1.2.3-beta",
    "HTTP-Referer": "https://example.com/app",
    "OpenAI-Organization": "org-0123456789",
    "x-model": "gpt-4o-mini-2024-07-18",
}


@pytest.mark.parametrize(
    "value", ["QmFzZVRva2VuV2l0aG91dA", "my-secret-token", "a1b2c3d4", "me@example.com:pw"]
)
def test_what_may_be_a_credential_is_masked_under_any_name(
    kept: Kept, endpoint: Endpoint, value: str
) -> None:
    """A header whose name tells nothing is masked, unless its value is an ordinary one."""
    endpoint.script(error_answer(401, f"not <{value}>"))
    client = openai.OpenAI(base_url=endpoint.url, api_key="k", default_headers={"x-team": value})
    with client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(**CHAT)

    assert kept.one["response"]["error"]["message"] == "not <***>"


def test_what_is_harmless_stays(kept: Kept, endpoint: Endpoint) -> None:
    """An error can be read: ordinary values, versions and what the request has in its body are no secrets."""
    message = "no: " + ", ".join(HARMLESS.values()) + ", application/json, 127.0.0.1, identity, OpenAI/Python"
    endpoint.script(error_answer(400, message))
    asked = {**CHAT, "model": HARMLESS["x-model"]}
    client = openai.OpenAI(base_url=endpoint.url, api_key="x", default_headers=HARMLESS)
    with client, pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**asked, extra_query={"api-version": "2024-06-01"})

    assert kept.one["response"]["error"]["message"] == message
    assert "x-request-id" not in kept_bytes(kept)


def test_a_short_password_is_masked_where_it_stands_alone(kept: Kept, endpoint: Endpoint) -> None:
    """A value of few characters is masked as a word of its own, and not inside of others."""
    endpoint.script(error_answer(401, "wrong: abc123, not abc1234"))
    client = openai.OpenAI(base_url=endpoint.url, api_key="k", default_headers={"x-token": "abc123"})
    with client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(**CHAT)

    assert kept.one["response"]["error"]["message"] == "wrong: ***, not abc1234"


def test_an_answer_is_not_touched(kept: Kept, endpoint: Endpoint) -> None:
    """Only errors are masked: an answer that has the value in it is kept as it came."""
    endpoint.script(json_answer({"choices": [], "note": f"error, said {SAFE}", "error": None}))
    with openai.OpenAI(base_url=endpoint.url, api_key=SAFE) as client:
        client.chat.completions.create(**CHAT)

    assert kept.one["response"]["note"] == f"error, said {SAFE}"


def test_a_fault_while_masking_keeps_nothing_that_is_not_masked(
    kept: Kept, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is there without its answer, and the fault is counted."""
    monkeypatch.setattr(credentials, "_values", None)
    before = dict(faults.counts())
    endpoint.script(error_answer(401, SAFE))
    client = openai.OpenAI(base_url=endpoint.url, api_key=SAFE)
    with client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(**CHAT)

    assert SAFE not in kept_bytes(kept)
    assert (kept.one["status"], kept.one["failure_reason"]) == ("failed", "***")
    assert faults.counts() != before
