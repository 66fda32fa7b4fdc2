"""Calls of the SDKs that are made as OpenAI's is: each is recorded as OpenAI's are, once it is imported."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace import instrument
from log10_trace.instrument import patch_points, sdk_patches
from log10_trace.instrument.sdks import OTHER_SDKS as TABLE
from tests.instrument import other_sdks
from tests.instrument.conftest import Kept
from tests.instrument.other_sdks import (
    CEREBRAS,
    GROQ,
    OTHER_SDKS,
    TOGETHER,
    OtherSdk,
    ask,
    cancel_once,
    is_installed,
)
from tests.instrument.programs import CHAT, TEXT
from tests.instrument.test_streams import BEGUN, words
from tests.model_endpoint import PATIENCE_S, Endpoint, error_answer, json_answer, sse_answer
from tests.processes import program

with_each_sdk = pytest.mark.parametrize("sdk", OTHER_SDKS, ids=lambda sdk: sdk.name)


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    yield
    instrument.uninstall()


@with_each_sdk
def test_a_call_leaves_its_record(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """The request is the body that was sent, the response what came; the URL is that of the endpoint."""
    with sdk.make(endpoint.url) as client:
        answer = ask(client)

    record = kept.one
    assert answer.choices[0].message.content == "Hello there"
    assert record["request"] == json.loads(endpoint.received[-1].body)
    assert words(record) == "Hello there"
    assert (record["status"], record["kind"], record["endpoint"]) == ("finished", "chat", "/chat/completions")
    assert record["base_url"] == sdk.base_url(endpoint.url).rstrip("/") + sdk.prefix + "/"
    assert record["request_id"].startswith("req_")
    assert record["stacktrace"][-1]["file"] == other_sdks.__file__
    assert record["duration"] > 0


@with_each_sdk
def test_a_stream_leaves_its_record(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """Read to its end it is accumulated, and left early it is interrupted."""
    with sdk.make(endpoint.url) as client:
        pieces = list(ask(client, stream=True))
        stream = ask(client, stream=True)
        next(iter(stream))
        stream.close()

    whole, part = kept.records
    assert len(pieces) > 2
    assert (words(whole), whole.get("interrupted")) == ("Hello there", None)
    assert whole["response"]["usage"]["total_tokens"] == 5
    assert "time_to_first_token" in whole
    assert (part["status"], part["interrupted"]) == ("finished", True)


@with_each_sdk
def test_async_calls_leave_their_records(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """Plain, streamed, in a task: one record each, with the line that made it."""

    async def run() -> None:
        async with sdk.make_async(endpoint.url) as client:
            await ask(client)
            async for _ in await ask(client, stream=True):
                pass
            await asyncio.create_task(ask(client))

    asyncio.run(run())

    assert [words(record) for record in kept.records] == ["Hello there"] * 3
    assert {record["stacktrace"][-1]["file"] for record in kept.records} == {other_sdks.__file__}


@with_each_sdk
def test_a_refusal_is_recorded_as_a_failure(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """The SDK's own exception reaches the program, its class and the body the record; no key does."""
    endpoint.script(error_answer(429, "slow down, k-s3cr3t-123"))
    secret = {"x-secret-token": "k-s3cr3t-123"}
    with sdk.make(endpoint.url, default_headers=secret) as client, pytest.raises(sdk.load().RateLimitError):
        ask(client)

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "RateLimitError")
    assert kept.one["response"]["error"]["message"] == "slow down, ***"
    assert b"s3cr3t" not in b"".join(kept.payloads)


@with_each_sdk
def test_a_timeout_is_recorded_as_a_failure(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """A request that is not answered in time is in the record."""
    held = threading.Event()
    endpoint.script(json_answer({}, held=held))
    try:
        with sdk.make(endpoint.url, timeout=0.05) as client, pytest.raises(sdk.load().APITimeoutError):
            ask(client)
        # The endpoint may be slower, and would take an answer of the next test.
        assert endpoint.has_received.wait(PATIENCE_S)
    finally:
        held.set()

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "APITimeoutError")
    assert kept.one["request"]["messages"] == CHAT["messages"]


@with_each_sdk
def test_a_cancelled_stream_is_recorded_as_a_failure(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """With what had come when its task was cancelled."""
    held = threading.Event()
    endpoint.script(sse_answer(*BEGUN, held))

    async def run() -> None:
        async with sdk.make_async(endpoint.url) as client:
            begun = asyncio.Event()

            async def read() -> None:
                async for chunk in await ask(client, stream=True):
                    if chunk.choices[0].delta.content:
                        begun.set()

            await cancel_once(begun, asyncio.create_task(read()))

    try:
        asyncio.run(run())
    finally:
        held.set()

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "CancelledError")
    assert words(kept.one).startswith("w0")


@with_each_sdk
def test_retries_are_one_record(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """The SDK's own retries are counted, and other endpoints leave no record."""
    with sdk.make(endpoint.url).with_options(max_retries=1) as client:
        endpoint.script(error_answer(500, headers={"retry-after-ms": "1"}))
        ask(client)
        client.post("/v1/embeddings", cast_to=object, body={})

    assert (kept.one["status"], kept.one["retries"]) == ("finished", 1)


@pytest.mark.parametrize("sdk", [CEREBRAS, TOGETHER], ids=lambda sdk: sdk.name)
def test_text_completions_are_recorded(sdk: OtherSdk, endpoint: Endpoint, kept: Kept) -> None:
    """Plain and streamed."""
    with sdk.make(endpoint.url) as client:
        client.completions.create(**TEXT)
        list(client.completions.create(**TEXT, stream=True))

    assert [record["kind"] for record in kept.records] == ["prompt"] * 2
    assert [record["response"]["choices"][0]["text"] for record in kept.records] == ["Hello there"] * 2


def test_a_call_to_a_whole_url_has_that_url(endpoint: Endpoint, kept: Kept) -> None:
    """As Together's SDK makes them where no base URL is given; without user and password."""
    url = endpoint.url.replace("//", "//user:s3cr3t@")
    with GROQ.make(endpoint.url) as client:
        client.post(f"{url}/chat/completions", cast_to=object, body=CHAT)

    assert kept.one["base_url"] == endpoint.url + "/"


@with_each_sdk
def test_uninstall_restores_the_sdk_bit_for_bit(sdk: OtherSdk, endpoint: Endpoint) -> None:
    """Every class has the attributes that it had, and a client that was made meanwhile goes on."""
    row = next(each for each in TABLE if each.name == sdk.name)
    sdk.load()
    sdk.make(endpoint.url).chat.completions  # noqa: B018 -- imports the resources
    owners = sorted({patch.owner for patch in patch_points.method_patches(row)}, key=repr)
    before = [dict(vars(owner)) for owner in owners]

    instrument.install(Kept())
    assert [dict(vars(owner)) for owner in owners] != before
    client = sdk.make(endpoint.url)
    instrument.uninstall()

    assert [dict(vars(owner)) for owner in owners] == before
    with client:
        assert ask(client).choices


def test_only_the_sdks_that_are_asked_for_are_patched(endpoint: Endpoint) -> None:
    """Those that a later ``install`` does not name are restored."""
    for sdk in (GROQ, CEREBRAS):
        sdk.load()
    for chosen in (("groq",), ("cerebras", "openai"), ("groq",)):
        kept = Kept()
        instrument.install(kept, sdks=chosen)
        for sdk in (GROQ, CEREBRAS):
            with sdk.make(endpoint.url) as client:
                ask(client)
        assert ("/openai/" in kept.one["base_url"]) == ("groq" in chosen)


LATER = """
import os, sys
import log10_trace
{before}
log10_trace.patch(url="http://127.0.0.1:9")
found = [name for name in {modules!r} if name in sys.modules]
import groq
client = groq.Groq(base_url=os.environ["BASE_URL"], api_key="k", max_retries=0)
client.chat.completions.create(model="m", messages=[])
print(found, log10_trace.stats().captured)
for name in [name for name in sys.modules if name.partition(".")[0] == "groq"]:
    del sys.modules[name]
log10_trace.patch(url="http://127.0.0.1:9")
import groq as anew
assert anew is not groq
for each in (client, anew.Groq(base_url=os.environ["BASE_URL"], api_key="k")):
    each.chat.completions.create(model="m", messages=[])
print(log10_trace.stats().captured)
log10_trace.unpatch()
import cerebras.cloud.sdk
print(["request" in vars(each) for each in (groq.Groq, anew.Groq, cerebras.cloud.sdk.Cerebras)])
"""


@pytest.mark.parametrize("before", ["", "import groq"])
def test_an_sdk_is_patched_whenever_it_is_imported(
    private_home: Path, endpoint: Endpoint, before: str
) -> None:
    """Before ``patch()``, after it, and anew; ``patch()`` imports none, ``unpatch()`` ends it."""
    if not (is_installed(GROQ) and is_installed(CEREBRAS)):
        pytest.skip("groq or cerebras is not installed")
    modules = [sdk.module for sdk in TABLE]
    ended = program(
        private_home,
        LATER.format(before=before, modules=modules),
        BASE_URL=endpoint.url.removesuffix("/v1"),
    )

    assert ended.returncode == 0, ended.stderr
    found = ["groq"] if before else []
    assert ended.stdout.splitlines() == [f"{found} 1", "3", "[False, False, False]"]


@pytest.fixture
def no_together() -> Iterator[None]:
    """Nothing of that name is imported."""

    def take_out() -> dict[str, Any]:
        names = [name for name in sys.modules if name.partition(".")[0] == "together"]
        return {name: sys.modules.pop(name) for name in names}

    before = take_out()
    yield
    take_out()
    sys.modules.update(before)


@pytest.mark.usefixtures("no_together")
def test_a_version_that_does_not_fit_is_reported_once_and_the_others_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, endpoint: Endpoint
) -> None:
    """It is named with its version and with what it lacks, and stays as it is."""
    (tmp_path / "together.py").write_text(
        "__version__ = '1.5'\nclass Together: ...\nclass AsyncTogether: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sdk_patches, "_reported", set())
    kept = Kept()
    instrument.install(kept)

    with caplog.at_level(logging.WARNING, "log10_trace"):
        importlib.import_module("together")
        instrument.install(kept)

    assert [record.getMessage() for record in caplog.records] == [
        "log10_trace: together 1.5 has no Together.request, so its calls are not recorded"
    ]
    with GROQ.make(endpoint.url) as client:
        ask(client)
    assert len(kept.payloads) == 1


@pytest.mark.usefixtures("no_together")
def test_a_module_of_the_same_name_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file ``together.py`` of the program's own is not the SDK, and is no reason for a warning."""
    (tmp_path / "together.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    instrument.install(Kept())

    with caplog.at_level(logging.WARNING, "log10_trace"):
        importlib.import_module("together")
        instrument.install(Kept())

    assert not caplog.records
