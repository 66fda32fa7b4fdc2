"""``replay()``: recorded once, served afterwards, with the real SDK over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import log10_trace
from log10_trace.errors import ConfigError, RecordingError, UnrecordedCallError
from log10_trace.testing import UnusedRecordingWarning, capture, replay
from tests.completions_api import CompletionsAPI
from tests.instrument.programs import CHAT
from tests.model_answers import chat, chat_chunks, response
from tests.model_endpoint import Endpoint, encoded, error_answer, json_answer, sse, sse_answer
from tests.processes import DEADLINE_S
from tests.testing.conftest import KEY

Ask = Callable[..., str]


@pytest.fixture
def ask(client: openai.OpenAI) -> Ask:
    """Ask the model; gives its answer."""

    def ask(text: str, **options: Any) -> str:
        messages: Any = [{"role": "user", "content": text}]
        answer = client.chat.completions.create(model="m", messages=messages, **options)
        return str(answer.choices[0].message.content)

    return ask


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recordings" / "calls.jsonl"


def script(endpoint: Endpoint, *texts: str) -> None:
    endpoint.script(*(json_answer(chat(text)) for text in texts))


def requests_of(path: Path) -> list[str]:
    """The last message of each recorded request."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line["json"]["messages"][-1]["content"] for line in lines if "request" in line]


def test_a_call_is_recorded_once_and_served_afterwards(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """The second time nothing is sent."""
    script(endpoint, "Paris")
    for _ in range(2):
        with replay(path):
            assert ask("France?") == "Paris"

    assert len(endpoint.received) == 1


def test_no_key_needs_to_be_set(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """While every call is served a client can be made; afterwards the variables are as they were."""
    with replay(path):
        ask("x")

    with replay(path), openai.OpenAI(base_url="http://127.0.0.1:9/v1") as client:
        assert client.chat.completions.create(**{**CHAT, "messages": [{"role": "user", "content": "x"}]})
    assert "OPENAI_API_KEY" not in os.environ


def test_a_key_that_is_set_stays(path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where calls are made, none is made up."""
    with replay(path):
        assert "OPENAI_API_KEY" not in os.environ
        ask("x")
    monkeypatch.setenv("OPENAI_API_KEY", "mine")

    with replay(path):
        assert os.environ["OPENAI_API_KEY"] == "mine"
        ask("x")
    assert os.environ["OPENAI_API_KEY"] == "mine"


def test_no_secret_is_in_the_file(path: Path, endpoint: Endpoint) -> None:
    """No header, no key, also where the provider repeats it, and in a URL."""
    endpoint.script(
        json_answer(chat(f"your key is {KEY}"), headers={"set-cookie": "s3cr3t", "openai-organization": "o"}),
        error_answer(401, f"wrong key {KEY}"),
        sse_answer(*sse(*chat_chunks("key", KEY[:9], KEY[9:]))),
    )
    headers = {"x-private": "header-s3cr3t-1", "authorization": f"Bearer {KEY}"}
    with (
        replay(path),
        openai.OpenAI(
            base_url=endpoint.url,
            api_key=KEY,
            default_headers=headers,
            default_query={"key": "s3cr3t-2"},
            organization="org-s3cr3t",
            max_retries=0,
        ) as client,
    ):
        client.chat.completions.create(**CHAT)
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))

    written = path.read_text(encoding="utf-8")
    assert len(endpoint.received) == 3
    assert "Bearer" not in written
    assert "header-s3" not in written
    assert KEY not in written
    assert '"headers": {"content-type": "application/json", "x-request-id": "req_1"}' in written


MCP = {
    "type": "mcp",
    "server_label": "tickets",
    "server_url": "https://user:s3cr3t-3@mcp.example/sse?token=s3cr3t-4&team=ours",
    "authorization": "s3cr3t-5",
    "headers": {"Authorization": "Bearer s3cr3t-6", "X-Api-Key": "s3cr3t-7", "Accept-Language": "en"},
}
SEARCH = {"type": "azure_search", "parameters": {"authentication": {"type": "api_key", "key": "s3cr3t-8"}}}


def test_no_secret_of_a_body_is_in_the_file(path: Path, endpoint: Endpoint, client: openai.OpenAI) -> None:
    """Neither where the program wrote it nor where the answer repeats it; another key finds the call too."""
    endpoint.script(json_answer(chat("you sent s3cr3t-5")))
    body: Any = {"tools": [MCP], "data_sources": [SEARCH], "api_key": "s3cr3t-9", "password": None}
    with replay(path):
        client.chat.completions.create(**CHAT, extra_body=body)
    with replay(path, "none"):
        client.chat.completions.create(**CHAT, extra_body={**body, "api_key": "none"})
    with pytest.raises(UnrecordedCallError) as refused, replay(path, "none"):
        client.chat.completions.create(**CHAT, extra_body={"api_key": "s3cr3t-10"})

    written = path.read_text(encoding="utf-8")
    assert "s3cr3t" not in written + str(refused.value)
    assert '"https://***@mcp.example/sse?token=***&team=ours"' in written
    assert '"headers": {"Authorization": "***", "X-Api-Key": "***", "Accept-Language": "en"}' in written
    assert '"type": "api_key"' in written
    assert len(endpoint.received) == 1


def test_equal_requests_are_served_in_order(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """As an agent makes them that asks again; and once more is once too often."""
    script(endpoint, "one", "two")
    with replay(path):
        recorded = [ask("again"), ask("again")]
    with replay(path):
        assert [ask("again"), ask("again")] == recorded == ["one", "two"]
    with pytest.raises(UnrecordedCallError, match="It is recorded 2 times"), replay(path):
        for _ in range(3):
            ask("again")


def test_the_order_of_keys_does_not_matter(path: Path, endpoint: Endpoint, client: openai.OpenAI) -> None:
    """Requests are compared as JSON."""
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "seed": 1}
    with replay(path):
        client.post("/chat/completions", cast_to=object, body=body)
    with replay(path):
        client.post("/chat/completions", cast_to=object, body=dict(reversed(body.items())))

    assert len(endpoint.received) == 1


@pytest.mark.parametrize(("made", "recorded"), [(1, True), (0, False), (1, 1.5)])
def test_values_are_told_apart_by_type(path: Path, client: openai.OpenAI, made: Any, recorded: Any) -> None:
    """Python takes 1 for true; JSON does not."""
    with replay(path):
        client.post("/chat/completions", cast_to=object, body={"x": recorded})
    with pytest.raises(UnrecordedCallError, match=rf"made:     {json.dumps(made)}"), replay(path):
        client.post("/chat/completions", cast_to=object, body={"x": made})


def test_an_unrecorded_call_is_told_with_its_difference(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """Neither sent nor tried again: what is asked, what is recorded, and how to record it."""
    with replay(path):
        ask("France?")
    received = len(endpoint.received)

    with pytest.raises(UnrecordedCallError) as caught, replay(path):
        ask("Spain?")

    told = str(caught.value)
    assert told.startswith(
        f"POST /chat/completions is not recorded ({path}). The nearest recorded request is"
    )
    assert 'recorded: "France?"' in told
    assert 'made:     "Spain?"' in told
    assert told.endswith(f"To record it: run it with replay({str(path)!r}, record='new')")
    assert len(endpoint.received) == received


def test_an_unrecorded_call_that_is_caught_is_told_at_the_end(path: Path, ask: Ask) -> None:
    """A framework may catch every exception; the test fails all the same."""
    with replay(path):
        ask("known")

    with pytest.raises(UnrecordedCallError, match="is not recorded"), replay(path):
        ask("known")
        with pytest.raises(UnrecordedCallError):
            ask("unknown")
    with pytest.raises(UnrecordedCallError) as caught, replay(path):
        with contextlib.suppress(UnrecordedCallError):
            ask("unknown")
        raise AssertionError("what comes of it")
    assert isinstance(caught.value.__cause__, AssertionError)


def test_none_makes_no_call(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """Without a recording either: as in CI."""
    with pytest.raises(UnrecordedCallError, match=r"there is no .*calls\.jsonl"), replay(path, "none"):
        ask("x")

    assert not endpoint.received
    assert not path.exists()


def test_new_adds_what_is_not_recorded(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """Behind the recorded call that was made before it, so that the file has the order of the test."""
    script(endpoint, "1", "3")
    with replay(path):
        ask("first")
        ask("third")
    script(endpoint, "0", "2")
    with replay(path, "new"):
        assert [ask("zeroth"), ask("first"), ask("second"), ask("third")] == ["0", "1", "2", "3"]

    assert requests_of(path) == ["zeroth", "first", "second", "third"]
    with replay(path, "none"):
        assert ask("second") == "2"
        assert [ask("zeroth"), ask("first"), ask("third")] == ["0", "1", "3"]


def test_all_replaces_the_recording(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """What is not asked any more is gone."""
    script(endpoint, "a", "b", "c")
    with replay(path):
        ask("x")
        ask("old")
    with replay(path, "all"):
        assert ask("x") == "c"

    assert requests_of(path) == ["x"]


def test_the_recording_of_a_failed_test_is_not_written(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """A part of a recording would be served from then on."""
    with pytest.raises(AssertionError), replay(path):
        ask("x")
        raise AssertionError

    assert not path.exists()
    with replay(path):
        ask("x")
    before = path.read_text()
    with pytest.raises(AssertionError), replay(path, "all"):
        ask("y")
        raise AssertionError
    assert path.read_text() == before


def test_new_keeps_the_answers_of_a_failed_test(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """They are paid once; a failure is not kept."""
    endpoint.script(json_answer(chat("kept")), error_answer(500))
    with pytest.raises(openai.InternalServerError), replay(path, "new"):
        ask("x")
        ask("y")

    assert requests_of(path) == ["x"]


def test_a_failed_test_with_failed_calls_alone_leaves_no_file(
    path: Path, endpoint: Endpoint, ask: Ask
) -> None:
    """An empty recording would refuse every call from then on."""
    endpoint.script(error_answer(401))
    with pytest.raises(openai.AuthenticationError), replay(path, "new"):
        ask("x")

    assert not path.exists()


def test_a_placeholder_of_a_key_is_not_masked_in_answers(path: Path, endpoint: Endpoint) -> None:
    """Local servers take any key; a word of it in an answer stays, and in a failure it does not."""
    endpoint.script(json_answer(chat("Ask me anything.")), error_answer(401, "wrong key: anything"))
    messages: Any = [{"role": "user", "content": "May I ask anything?"}]
    for key in ("anything", "something-else-1"):
        with replay(path), openai.OpenAI(base_url=endpoint.url, api_key=key) as client:
            answer = client.chat.completions.create(model="m", messages=messages)
            assert answer.choices[0].message.content == "Ask me anything."
            with pytest.raises(openai.AuthenticationError):
                client.chat.completions.create(**CHAT)

    assert "wrong key: ***" in path.read_text(encoding="utf-8")


def test_calls_that_are_not_made_are_reported(path: Path, ask: Ask) -> None:
    """As a warning, or as an error; not when the test fails anyway."""
    with replay(path):
        ask("one")
        ask("two")

    with (
        pytest.warns(UnusedRecordingWarning, match="1 recorded call was not made .* of line 4"),
        replay(path),
    ):
        ask("one")
    with pytest.raises(RecordingError, match="2 recorded calls were not made"), replay(path, strict=True):
        pass
    with warnings.catch_warnings(), pytest.raises(AssertionError), replay(path, strict=True):
        raise AssertionError


def test_a_failure_is_served(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """A test that expects the failure gets it again."""
    endpoint.script(error_answer(429, "Slow down."))
    for _ in range(2):
        with replay(path), pytest.raises(openai.RateLimitError, match=r"Slow down\."):
            ask("x")

    assert len(endpoint.received) == 1


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_a_stream_is_served_piece_by_piece(
    path: Path, endpoint: Endpoint, client: openai.OpenAI, coding: Any
) -> None:
    """Also one that was compressed on the wire, which people can read in the file."""
    answer = sse_answer(*sse(*chat_chunks("Good", " morning")))
    endpoint.script(answer if coding is None else encoded(answer, coding))
    for _ in range(2):
        with replay(path):
            chunks = list(client.chat.completions.create(**CHAT, stream=True))
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:3]) == "Good morning"

    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    pieces = [line["piece"] for line in lines if "piece" in line]
    assert len(pieces) == len(answer.pieces)
    assert pieces[1][0]["data"]["choices"][0]["delta"]["content"] == "Good"
    assert pieces[-1] == [{"data": "[DONE]"}]


def test_what_the_recorded_test_did_not_read_is_not_served(
    path: Path, endpoint: Endpoint, client: openai.OpenAI
) -> None:
    """A stream that was left early is served up to there, and reading on fails by name."""
    for _ in range(2):
        with replay(path), client.chat.completions.create(**CHAT, stream=True) as stream:
            assert next(stream).choices[0].delta.role == "assistant"
    assert '{"end": "left"}' in path.read_text(encoding="utf-8")

    with pytest.raises(UnrecordedCallError, match=r"recorded in part (.|\n)* record='all'\)$"), replay(path):
        list(client.chat.completions.create(**CHAT, stream=True))


def test_other_endpoints_are_recorded_too(path: Path, endpoint: Endpoint, client: openai.OpenAI) -> None:
    """Embeddings, an upload, speech, a list: whatever goes through the SDK's requests."""
    endpoint.script(
        json_answer({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}),
        json_answer({"id": "file-1", "object": "file"}),
        json_answer(b"\xff\xfb\x00"),
        json_answer({"object": "list", "data": []}),
    )
    for _ in range(2):
        with replay(path, strict=True):
            vectors = client.embeddings.create(model="m", input="x", encoding_format="float")
            assert vectors.data[0].embedding == [0.5]
            assert client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch").id == "file-1"
            assert client.audio.speech.create(model="m", voice="alloy", input="x").content == b"\xff\xfb\x00"
            assert client.models.list().data == []

    assert len(endpoint.received) == 4


def test_async_calls_and_decorators(path: Path, endpoint: Endpoint) -> None:
    """``async with``, and a decorator for functions of both kinds; concurrent calls get their own answers."""
    endpoint.script(*(json_answer(response(f"answer {number}")) for number in range(3)))

    @replay(path)
    async def gather() -> list[str]:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key=KEY) as client:
            asked = (client.responses.create(model="m", input=f"ask {number}") for number in range(3))
            return [answer.output_text for answer in await asyncio.gather(*asked)]

    async def within() -> list[str]:
        async with replay(path), openai.AsyncOpenAI(base_url=endpoint.url, api_key=KEY) as client:
            return [
                (await client.responses.create(model="m", input=f"ask {number}")).output_text
                for number in range(3)
            ]

    recorded = asyncio.run(gather())
    assert sorted(recorded) == ["answer 0", "answer 1", "answer 2"]
    assert asyncio.run(gather()) == asyncio.run(within()) == recorded

    @replay(path, "none")
    def plain() -> str:
        with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client:
            return [client.responses.create(model="m", input=f"ask {at}") for at in range(3)][1].output_text

    assert plain() == plain() == recorded[1]


def test_served_calls_are_captured_like_any(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """``capture()`` gives the record of a call that is served."""
    script(endpoint, "Paris")
    for _ in range(2):
        with replay(path), capture() as completions:
            ask("France?")
        (record,) = (json.loads(completion.to_json()) for completion in completions)
        assert record["response"]["choices"][0]["message"]["content"] == "Paris"
        assert record["request_id"] == "req_1"
        assert record["stacktrace"][-1]["name"] == "ask"


def test_a_patched_program_stays_patched(path: Path, ask: Ask) -> None:
    """Calls that are served are delivered as any other, and later ones too."""
    with CompletionsAPI() as api:
        log10_trace.patch(url=api.url)
        for _ in range(2):
            with replay(path):
                ask("x")
        ask("x")
        log10_trace.shutdown(DEADLINE_S)

        assert len(api.ended()) == 3


def test_headers_can_be_kept(path: Path, endpoint: Endpoint, client: openai.OpenAI) -> None:
    """Those that a test looks at, by name."""
    endpoint.script(json_answer(chat("x"), headers={"X-RateLimit-Remaining": "7", "x-other": "1"}))
    for _ in range(2):
        with replay(path, headers=["x-ratelimit-remaining", "Content-Length"]):
            raw = client.chat.completions.with_raw_response.create(**CHAT)
            assert raw.headers["x-ratelimit-remaining"] == "7"

    assert "x-other" not in path.read_text(encoding="utf-8")
    assert "content-length" not in path.read_text(encoding="utf-8")


def test_blocks_can_be_nested(path: Path, endpoint: Endpoint, ask: Ask) -> None:
    """The innermost one serves."""
    inner = path.with_name("inner.jsonl")
    script(endpoint, "in", "out")
    for _ in range(2):
        with replay(path):
            with replay(inner):
                assert ask("x") == "in"
            assert ask("x") == "out"

    assert len(endpoint.received) == 2


def test_a_generator_is_not_decorated(path: Path) -> None:
    """Its body runs while its reader makes other calls."""
    with pytest.raises(TypeError, match="in the generator words use it with `with`"):

        @replay(path)
        def words() -> Iterator[str]:
            yield "x"


def test_a_mode_that_does_not_exist_is_named(path: Path) -> None:
    """Together with those that do."""
    with pytest.raises(ConfigError, match="record='twice' cannot be used: it is one of once, none, new, all"):
        replay(path, "twice")


def test_a_damaged_recording_fails_before_any_call(path: Path, endpoint: Endpoint) -> None:
    """By file and line."""
    path.parent.mkdir()
    path.write_text('{"format": 1}\nx\n')

    with pytest.raises(RecordingError, match=r"calls\.jsonl, line 2"), replay(path):
        raise AssertionError("not reached")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, ask: Ask) -> None:
    """The reason is the system's."""
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(RecordingError, match="the recording cannot be written"),
        replay(tmp_path / "file" / "x"),
    ):
        ask("x")
