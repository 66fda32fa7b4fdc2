"""Session, tags and sampling: a record is labelled with what was in force at the moment of its call."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

import log10_trace
from log10_trace import instrument
from log10_trace.context import Scope, Session, process_session
from log10_trace.guard import faults
from log10_trace.instrument.sampling import Sampling
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT, Body, seeded
from tests.model_answers import chat_chunks
from tests.model_endpoint import Answer, Endpoint, error_answer, sse, sse_answer


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as made:
        yield made


def tags_by_seed(kept: Kept) -> dict[int, list[str]]:
    return {record["request"]["seed"]: record["tags"] for record in kept.records}


def test_scopes_add_up_and_the_innermost_session_holds(client: Any) -> None:
    """Patch-wide tags, then the session's, then the scopes', in order and without duplicates."""
    kept = Kept()
    instrument.install(kept, tags=("all",))
    with log10_trace.session(tags=["outer"]) as outer, log10_trace.tags("a", "all"):
        with log10_trace.session(tags=["inner"]) as inner:
            client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT)
    client.chat.completions.create(**CHAT)
    instrument.uninstall()

    first, second, third = kept.records
    assert first["tags"] == ["all", "outer", "a", "inner"]
    assert (second["tags"], third["tags"]) == (["all", "outer", "a"], ["all"])
    assert [first["session_id"], second["session_id"]] == [inner.id, outer.id]
    assert third["session_id"] == process_session().id
    assert (inner.last_completion_id, outer.last_completion_id) == (first["id"], second["id"])


def test_metadata_is_joined_and_the_inner_value_holds(client: Any) -> None:
    """Patch-wide metadata, then the session's, then the block's, then that of the request."""
    kept = Kept()
    instrument.install(kept, metadata={"team": "shop", "user_id": 0})
    with log10_trace.session(metadata={"user_id": 42, "plan": "pro"}):
        with log10_trace.tags("a", metadata={"plan": "trial", "step": 1.5}):
            client.chat.completions.create(**CHAT, extra_body={"metadata": {"step": "own", "order": "7"}})
        client.chat.completions.create(**CHAT)
    client.chat.completions.create(**CHAT)
    instrument.uninstall()

    first, second, third = (record["metadata"] for record in kept.records)
    assert first == {"team": "shop", "user_id": 42, "plan": "trial", "step": "own", "order": "7"}
    assert second == {"team": "shop", "user_id": 42, "plan": "pro"}
    assert third == {"team": "shop", "user_id": 0}


def test_metadata_goes_where_tags_go(endpoint: Endpoint, kept: Kept) -> None:
    """Into tasks, decorated functions, executors and propagated functions, and out of each again."""

    @log10_trace.session(metadata={"by": "decorator"})
    async def ask(client: Any, seed: int) -> None:
        with log10_trace.tags(metadata={"seed": seed}):
            await client.chat.completions.create(**seeded(seed))

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            await asyncio.gather(*(ask(client, seed) for seed in range(20)))

    asyncio.run(main())
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as client, ThreadPoolExecutor(1) as pool:
        with log10_trace.session(metadata={"by": "pool"}):
            submitted = pool.submit(client.chat.completions.create, **seeded(100))
            propagated = log10_trace.propagate(lambda: client.chat.completions.create(**seeded(101)))
        submitted.result()
        propagated()
        client.chat.completions.create(**seeded(102))

    by_seed = {record["request"]["seed"]: record.get("metadata") for record in kept.records}
    assert by_seed == {seed: {"by": "decorator", "seed": seed} for seed in range(20)} | {
        100: {"by": "pool"},
        101: {"by": "pool"},
        102: None,
    }


def test_a_stream_keeps_the_labels_of_its_call(client: Any, kept: Kept) -> None:
    """Where it is read does not matter."""
    with log10_trace.tags("made"):
        stream = client.chat.completions.create(**CHAT, stream=True)
    with log10_trace.tags("read"):
        list(stream)

    assert kept.one["tags"] == ["made"]


def test_async_calls_keep_apart(endpoint: Endpoint, kept: Kept) -> None:
    """Hundreds of concurrent tasks, each with tags of its own, and coroutines made inside and run outside."""

    async def ask(client: Any, seed: int) -> None:
        with log10_trace.tags(f"task {seed}"):
            await client.chat.completions.create(**seeded(seed))

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            await asyncio.gather(*(ask(client, seed) for seed in range(200)))
            with log10_trace.tags("inside"):
                made = client.chat.completions.create(**seeded(1000))
            await made

    asyncio.run(main())

    assert tags_by_seed(kept) == {seed: [f"task {seed}"] for seed in range(200)} | {1000: ["inside"]}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup came with Python 3.11")
def test_task_groups_and_to_thread_carry_the_scope(endpoint: Endpoint, client: Any, kept: Kept) -> None:
    """What asyncio starts inside a scope belongs to it."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as other:
            with log10_trace.tags("group"):
                async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
                    group.create_task(other.chat.completions.create(**seeded(1)))
                    group.create_task(
                        asyncio.to_thread(client.chat.completions.create, **seeded(2))  # type: ignore[arg-type]
                    )

    asyncio.run(main())

    assert tags_by_seed(kept) == {1: ["group"], 2: ["group"]}


def test_threads_share_a_client_and_not_their_scopes(client: Any, kept: Kept) -> None:
    """What an executor runs has the scope of its submit; ``propagate`` has that of its own moment."""

    def ask(seed: int) -> None:
        with log10_trace.tags(f"thread {seed}"):
            client.chat.completions.create(**seeded(seed))

    with log10_trace.tags("main"), ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(40)))
        handed = log10_trace.propagate(ask)
        with log10_trace.tags("later"):
            pool.submit(handed, 100).result()

    expected = {seed: ["main", f"thread {seed}"] for seed in [*range(40), 100]}
    assert tags_by_seed(kept) == expected


@pytest.mark.parametrize(("rate", "recorded"), [(0.0, 0), (1.0, 4)])
def test_sampling(client: Any, rate: float, recorded: int) -> None:
    """A call is recorded or it is not, stream or no stream, and never in part."""
    kept = Kept()
    instrument.install(kept, sample_rate=rate)
    for _ in range(2):
        client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))
    instrument.uninstall()

    assert (len(kept.payloads), len(kept.begun)) == (recorded, recorded)


def test_a_call_that_is_not_sampled_costs_no_fault(
    client: Any, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it succeeds, streams or fails: nothing is counted and nothing is logged of it."""
    before = faults.counts()
    instrument.install(Kept(), sample_rate=0.0)
    client.chat.completions.create(**CHAT)
    list(client.chat.completions.create(**CHAT, stream=True))
    endpoint.script(error_answer(400))
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**CHAT)
    instrument.uninstall()

    assert faults.counts() == before
    assert not [record for record in caplog.records if record.name == "log10_trace"]


def test_a_share_is_recorded(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate is the share of calls that is recorded."""
    draws = iter([0.1, 0.6, 0.49, 0.5])
    monkeypatch.setattr("log10_trace.instrument.sampling.random.random", lambda: next(draws))
    kept = Kept()
    instrument.install(kept, sample_rate=0.5)
    for seed in range(4):
        client.chat.completions.create(**seeded(seed))
    instrument.uninstall()

    assert [record["request"]["seed"] for record in kept.records] == [0, 2]


def test_sessions_are_recorded_whole_or_not_at_all(client: Any) -> None:
    """The session's id decides, the same in every process; a session of a small share is in a larger one."""
    recorded: dict[float, set[str]] = {}
    for rate in (0.3, 0.6):
        kept, left_out = Kept(), [0]
        instrument.install(kept, sample_rate=rate, count_left_out=lambda: left_out.append(1))  # noqa: B023 -- called in this turn
        for number in range(30):
            with log10_trace.session(id=f"conversation {number}"):
                for seed in range(2):
                    client.chat.completions.create(**seeded(seed))
        instrument.uninstall()
        sessions = [record["session_id"] for record in kept.records]
        recorded[rate] = set(sessions)
        assert len(sessions) == 2 * len(recorded[rate])
        assert sum(left_out) == 60 - len(sessions)

    assert recorded[0.3] < recorded[0.6] < {f"conversation {number}" for number in range(30)}
    # Fixed for good: processes of other versions share sessions.
    assert recorded[0.3] == {f"conversation {number}" for number in (14, 15, 20)}


def test_the_share_of_sessions_is_the_rate() -> None:
    """Of many sessions as many are kept as the rate says."""
    sampling = Sampling(0.25)

    kept = sum(sampling.keeps(Scope((), Session(f"{number}"), None)) for number in range(4000))

    assert 900 < kept < 1100


def test_failures_are_kept_of_what_is_left_out(client: Any, endpoint: Endpoint) -> None:
    """An exception, an error in a stream and one in a body with a good status; nothing of what succeeds."""
    kept, left_out = Kept(), [0]
    instrument.install(kept, sample_rate=0.0, keep_failures=True, count_left_out=lambda: left_out.append(1))
    with log10_trace.session() as session:
        client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))
        assert session.last_completion_id is None
        endpoint.script(error_answer(429, "slow down"))
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(**CHAT)
        endpoint.script(sse_answer(*sse({"error": {"message": "overloaded", "type": "server_error"}})))
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(**CHAT, stream=True))
    instrument.uninstall()

    limited, overloaded = kept.records
    assert (limited["status"], limited["failure_kind"]) == ("failed", "RateLimitError")
    assert (overloaded["status"], overloaded["failure_kind"]) == ("failed", "server_error")
    assert {limited["session_id"], overloaded["session_id"]} == {session.id}
    assert session.last_completion_id == overloaded["id"]
    assert (sum(left_out), kept.begun) == (2, [])


def test_a_failed_call_says_what_failed(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """The exception's class and message, the error's body, and what was asked."""
    endpoint.script(error_answer(429, "slow down"), Answer(silent=True))
    for _ in range(2):
        with pytest.raises(openai.APIError):
            client.chat.completions.create(**CHAT)

    limited, lost = kept.records
    assert (limited["status"], limited["failure_kind"]) == ("failed", "RateLimitError")
    assert "429" in limited["failure_reason"]
    assert "slow down" in limited["failure_reason"]
    assert limited["response"]["error"]["message"] == "slow down"
    assert (lost["failure_kind"], lost["response"]) == ("APIConnectionError", None)
    assert limited["request"] == lost["request"] == CHAT


def test_a_call_inside_a_call_leaves_its_answer_to_itself(endpoint: Endpoint, kept: Kept) -> None:
    """A guardrail that asks another endpoint first, and then refuses, leaves no answer in the record."""
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as inner:

        class Guarded(openai.OpenAI):
            def _prepare_request(self, request: Any) -> None:
                inner.post("/moderations", body={"input": "hi"}, cast_to=Body)
                raise PermissionError("flagged")

        with Guarded(base_url=endpoint.url, api_key="k") as client, pytest.raises(PermissionError):
            client.chat.completions.create(**CHAT)

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "PermissionError")
    assert (kept.one.get("response"), kept.one.get("status_code")) == (None, None)
    assert kept.one["request"]["model"] == CHAT["model"]


class UnprintableError(PermissionError):
    """An exception whose message cannot be had."""

    def __str__(self) -> str:
        raise LookupError("no message")


class HalfASignError(PermissionError):
    """An exception whose message is no text that can be encoded."""

    def __str__(self) -> str:
        return "cut \ud83d off"


@pytest.mark.parametrize("refusal", [UnprintableError, HalfASignError])
def test_an_error_without_a_message_is_recorded(
    endpoint: Endpoint, kept: Kept, refusal: type[PermissionError]
) -> None:
    """A call is recorded whatever its exception's message does."""

    class Guarded(openai.OpenAI):
        def _prepare_request(self, request: Any) -> None:
            raise refusal

    with Guarded(base_url=endpoint.url, api_key="k") as client, pytest.raises(refusal):
        client.chat.completions.create(**CHAT)

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", refusal.__name__)
    assert kept.one["request"]["model"] == CHAT["model"]


def test_a_key_that_the_provider_repeats_is_not_stored(endpoint: Endpoint, kept: Kept) -> None:
    """An error that quotes the key is kept without it."""
    endpoint.script(error_answer(401, "Incorrect API key provided: sk-this-very-key"))
    with (
        openai.OpenAI(base_url=endpoint.url, api_key="sk-this-very-key") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(**CHAT)

    assert b"very-key" not in b"".join(kept.payloads)
    assert "provided: ***" in kept.one["failure_reason"]


def test_a_base_url_is_kept_without_its_secrets(endpoint: Endpoint, kept: Kept) -> None:
    """User, password and query of a base URL are not stored."""
    url = endpoint.url.replace("http://", "http://user:pass@") + "?code=hidden"
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        client.chat.completions.create(**CHAT)

    assert kept.one["base_url"].rstrip("/") == endpoint.url
    assert b"hidden" not in b"".join(kept.payloads)


def test_what_cannot_be_written_fails_as_the_sdk_says(client: Any, kept: Kept) -> None:
    """A request that the SDK cannot serialize raises the SDK's own error, and leaves a failed record."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": object()}])

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "TypeError")
    assert kept.one["request"]["messages"][0]["content"] == "<object>"


def test_a_large_image_is_referred_to_and_not_copied(client: Any, endpoint: Endpoint) -> None:
    """Twenty megabytes go into the record as the very bytes that were sent."""
    held: list[Any] = []

    class Holding:
        """A sink that keeps the call."""

        def on_start(self, call: Any) -> None:
            """Nothing yet."""

        def on_end(self, call: Any) -> None:
            """Keep it."""
            held.append(call)

    instrument.install(Holding())
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 20_000_000}}
    response = client.chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": [image]}]
    )
    instrument.uninstall()

    assert held[0].request is response.http_request.content
    assert held[0].chunks[0] is response.http_response.content


def test_the_program_cannot_change_a_record_afterwards(client: Any, kept: Kept) -> None:
    """Messages that the program appends to later were not sent, and are not recorded."""
    messages: list[Any] = [{"role": "user", "content": "one"}]
    answer = client.chat.completions.create(model="m", messages=messages)
    messages.append({"role": "assistant", "content": "two"})
    answer.choices[0].message.content = "changed"

    assert len(kept.one["request"]["messages"]) == 1
    assert kept.one["response"]["choices"][0]["message"]["content"] == "Hello there"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_open_stream_belongs_to_the_parent(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A child forked while a stream is open does not end the parent's call."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*chat_chunks()[:2], done=False), held, *sse(*chat_chunks()[2:])))
    stream = client.chat.completions.create(**CHAT, stream=True)
    child = os.fork()
    if not child:
        instrument.settle_open_streams()
        os._exit(len(kept.payloads))
    _, status = os.waitpid(child, 0)
    held.set()
    list(stream)

    assert os.waitstatus_to_exitcode(status) == 0
    assert kept.one["status"] == "finished"
    assert "interrupted" not in kept.one
