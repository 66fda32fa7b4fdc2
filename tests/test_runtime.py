"""patch, unpatch, flush, shutdown, stats: settings, repetition, and the real SDK in one process."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import log10_trace
from log10_trace.cli.simulated_model import MODEL, simulated_model
from log10_trace.errors import ConfigError
from log10_trace.export import Delivery
from log10_trace.export.spool.inspection import list_pending
from log10_trace.export.spool.spool import Spool
from log10_trace.testing import capture
from log10_trace.testing.capturing import observe
from tests.completions_api import CompletionsAPI
from tests.instrument.programs import RESPONSE, has
from tests.model_answers import response
from tests.model_endpoint import json_answer, model_endpoint
from tests.processes import program, until


@pytest.fixture
def api(patient_ends: None) -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api
        log10_trace.shutdown()


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with simulated_model() as url, openai.OpenAI(base_url=url, api_key="k") as client:
        yield client


def delivering() -> list[threading.Thread]:
    """Our threads; those of a fake server come and go as its connections do."""
    return [each for each in threading.enumerate() if each.name == "log10-trace"]


def ask(client: openai.OpenAI, text: str = "hello") -> None:
    client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])


def test_a_call_is_recorded_delivered_and_counted(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """patch() is all it takes; flush() says that everything is there, stats() counts it."""
    log10_trace.patch(url=api.url, tags=["a"])
    before = log10_trace.stats().captured
    ask(client)

    assert log10_trace.flush(60.0)
    (row,) = api.rows().values()
    assert (row["status"], row["tags"], row["sequence"]) == ("finished", ["a"], 1)
    assert log10_trace.stats().captured == before + 1


def test_what_is_left_out_is_counted(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """Calls that ``sample_rate`` leaves out are counted for themselves, and are none of the captured ones."""
    log10_trace.patch(url=api.url, sample_rate=0.0, keep_failures=True)
    before = log10_trace.stats()
    ask(client)
    with log10_trace.session(), pytest.raises(openai.APIConnectionError):
        ask(client.with_options(base_url="http://127.0.0.1:9/v1", max_retries=0))

    assert log10_trace.flush(60.0)
    assert [row["status"] for row in api.rows().values()] == ["failed"]
    after = log10_trace.stats()
    assert (after.captured - before.captured, after.sampled_out - before.sampled_out) == (1, 1)


def test_patch_again_changes_nothing_or_the_settings(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """With the same settings it is idempotent; with others they hold from then on, and counting goes on."""
    log10_trace.patch(url=api.url)
    before = log10_trace.stats().captured
    log10_trace.patch(url=api.url)
    ask(client)
    log10_trace.patch(url=api.url, tags=["b"])
    ask(client)

    assert log10_trace.flush(60.0)
    api.wait_for(lambda api: len(api.rows()) == 2)
    assert sorted(row["tags"] for row in api.rows().values()) == [[], ["b"]]  # two threads sent them
    assert log10_trace.stats().captured == before + 2


def test_unpatch_still_delivers_what_was_captured(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """After unpatch() calls are the SDK's alone, and what was captured before arrives."""
    log10_trace.patch(url=api.url)
    ask(client)
    log10_trace.unpatch()
    ask(client)

    api.wait_for(lambda api: api.rows())
    assert log10_trace.shutdown(60.0)
    assert len(api.rows()) == 1


def test_calls_after_shutdown_and_patch_are_recorded(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """shutdown() is no end for good: patch() begins again."""
    for _ in range(2):
        log10_trace.patch(url=api.url)
        ask(client)
        assert log10_trace.shutdown(60.0)

    assert len(api.rows()) == 2
    until(lambda: not delivering(), "the thread, whose work is done, has ended")


def test_a_signal_handler_in_the_middle_of_the_first_call_is_not_told_that_all_is_delivered(
    api: CompletionsAPI, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the delivery is being made, flush() says that something is left."""
    said: list[bool] = []
    make = Delivery.__init__

    def interrupted(self: Delivery, *args: object, **kwargs: object) -> None:
        said.append(log10_trace.flush(0.0))
        make(self, *args, **kwargs)  # type: ignore[arg-type] # as they come

    monkeypatch.setattr(Delivery, "__init__", interrupted)
    log10_trace.patch(url=api.url, tags=["interrupted"])
    ask(client)

    assert said == [False]
    assert log10_trace.flush(60.0)
    assert len(api.rows()) == 1


def test_disabled_does_nothing(api: CompletionsAPI, client: openai.OpenAI, private_home: Path) -> None:
    """With `disabled` there is no record, no thread and no file."""
    log10_trace.patch(url=api.url, disabled=True)
    ask(client)

    assert log10_trace.flush()
    assert not api.requests
    assert not private_home.exists()


def test_patch_alone_touches_nothing(api: CompletionsAPI, private_home: Path) -> None:
    """Until the first call there is no thread, no file and no request."""
    threads = set(threading.enumerate())
    log10_trace.patch(url=api.url)

    assert set(threading.enumerate()) <= threads
    assert not private_home.exists()


@pytest.mark.parametrize(
    ("name", "value"), [("url", "nonsense"), ("flush_interval", "soon"), ("sample_rate", 2), ("tags", [1])]
)
def test_a_bad_setting_is_named_by_patch(name: str, value: object) -> None:
    """A setting that cannot be used is an error of patch() that names it."""
    with pytest.raises(ConfigError, match=name):
        log10_trace.patch(**{name: value})  # type: ignore[arg-type]


def test_without_a_server_the_first_patch_says_what_to_type(caplog: pytest.LogCaptureFixture) -> None:
    """Where no server was named and none runs, it is said once, at INFO, with the command."""
    caplog.set_level(logging.INFO)
    log10_trace.patch()
    log10_trace.patch()
    log10_trace.shutdown()

    said = [each for each in caplog.records if "log10-trace serve" in each.getMessage()]
    assert [each.levelno for each in said] == [logging.INFO]


def test_stats_cannot_be_changed() -> None:
    """stats() gives a picture, not the counters."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        log10_trace.stats().captured = 1  # type: ignore[misc]


def test_capture_gives_records_without_a_server(client: openai.OpenAI, private_home: Path) -> None:
    """In a user's own tests the records are there at once: no server, no disk, no thread."""
    until(lambda: not delivering(), "earlier tests are done")
    with capture() as completions, log10_trace.tags("t"):
        ask(client, "what?")
        assert completions[0].request.messages[0].content == "what?"
    ask(client)

    assert [each.tags for each in completions] == [["t"]]
    assert not delivering()
    assert not private_home.exists()


def test_capture_stands_in_for_what_was_patched(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """Inside capture() nothing is delivered; afterwards it goes on as before."""
    log10_trace.patch(url=api.url)
    with capture() as completions:
        ask(client, "inside")
    ask(client, "outside")

    assert log10_trace.flush(60.0)
    assert len(completions) == 1
    assert [row["request"]["messages"][0]["content"] for row in api.rows().values()] == ["outside"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_observed_is_delivered_as_well(
    api: CompletionsAPI, client: openai.OpenAI, stream: bool
) -> None:
    """As the pytest plugin does it: whoever looks on has the whole record, and so has the server."""
    log10_trace.patch(url=api.url)
    with observe() as first, observe() as second:
        answer: Any = client.chat.completions.create(model=MODEL, messages=[], stream=stream)
        if stream:
            list(answer)

    assert log10_trace.flush(60.0)
    (row,) = api.rows().values()
    assert row["response"]["choices"]
    for (seen,) in (first, second):
        assert seen.id == row["id"]
        assert json.loads(seen.to_json())["response"] == row["response"]


def test_a_background_response_is_delivered_with_its_answer(api: CompletionsAPI) -> None:
    """What the journal has of the call is gone from memory by then, and its answer finds it all the same."""
    log10_trace.patch(url=api.url)
    with model_endpoint() as model, openai.OpenAI(base_url=model.url, api_key="k") as client:
        if not has(client, "responses"):
            pytest.skip("this version has no Responses API")
        model.script(json_answer(response(status="queued")), json_answer(response()))
        queued = client.responses.create(**RESPONSE, background=True)
        client.responses.retrieve(queued.id)

    assert log10_trace.flush(60.0)
    (row,) = api.rows().values()
    assert row["native_response"]["status"] == "completed"


def test_the_innermost_capture_gets_the_calls(client: openai.OpenAI) -> None:
    """Blocks may be nested: the outer one goes on when the inner one ends."""
    with capture() as outer:
        ask(client, "1")
        with capture() as inner:
            ask(client, "2")
        ask(client, "3")

    assert [len(outer), len(inner)] == [2, 1]


def test_capture_records_the_calls_of_every_thread_and_task(client: openai.OpenAI) -> None:
    """The redirection belongs to the process: threads and tasks are recorded while the block is open."""

    async def ask_in_tasks() -> None:
        async with openai.AsyncOpenAI(base_url=client.base_url, api_key="k") as asynchronous:
            calls = [
                asynchronous.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": "hi"}]
                )
                for _ in range(3)
            ]
            await asyncio.gather(*calls)

    with capture() as completions:
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        thread.join()
        asyncio.run(ask_in_tasks())

    assert [each.status for each in completions] == ["finished"] * 4


def test_a_stream_that_is_read_after_the_block_is_in_its_list(client: openai.OpenAI) -> None:
    """A call belongs to the block in which it began, whenever it ends."""
    with capture() as completions:
        stream = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "hi"}], stream=True
        )
    assert completions == []

    list(stream)

    assert [each.status for each in completions] == ["finished"]


def test_a_forked_child_captures_into_its_own_list(client: openai.OpenAI) -> None:
    """The parent's list has the parent's calls alone."""
    with capture() as completions:
        if (child := os.fork()) == 0:
            ask(client)
            os._exit(0 if len(completions) == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        ask(client)

    assert len(completions) == 1


def test_a_capture_that_cannot_begin_leaves_nothing_behind(
    api: CompletionsAPI, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a setting that cannot be used, capture() raises, and calls go where they went before."""
    monkeypatch.setenv("LOG10_TIMEOUT", "soon")
    with pytest.raises(ConfigError, match="LOG10_TIMEOUT"), capture():
        pytest.fail("it has not begun")
    monkeypatch.delenv("LOG10_TIMEOUT")

    log10_trace.patch(url=api.url)
    ask(client)

    assert log10_trace.flush(60.0)
    assert len(api.rows()) == 1


REDACTS_SLOWLY = """
import threading
import log10_trace
from log10_trace.runtime import _runtime
from tests.export.factories import keep

def slowly(record):
    threading.Event().wait(0.2)
    return record

log10_trace.patch(url={url!r}, redact=slowly, exit_timeout=30)
keep(_runtime.delivery, 3)
log10_trace.patch(url={url!r}, tags=["other"], exit_timeout=30)
keep(_runtime.delivery, 1)
"""


def test_the_end_keeps_what_earlier_settings_have_still_to_redact(
    api: CompletionsAPI, private_home: Path
) -> None:
    """A program that patches again and ends loses nothing that waits in memory for the first redactor."""
    ended = program(private_home, REDACTS_SLOWLY.format(url=api.url))
    assert (ended.returncode, ended.stderr) == (0, "")
    waits = list_pending(Spool(private_home / "spool"))

    assert len(api.ended()) + sum(len(each.sequences) for each in waits) == 4


FORKS_IN_PATCH = """
import os, signal, threading, warnings
import log10_trace
from log10_trace import instrument, runtime

# From 3.12 on Python warns of a fork beside any thread.
warnings.simplefilter("ignore", DeprecationWarning)
halfway, go_on = threading.Event(), threading.Event()
missing = instrument.patch_points.missing_attribute

def stop_there():
    halfway.set()
    go_on.wait()
    return missing()

instrument.patch_points.missing_attribute = stop_there
patching = threading.Thread(target=log10_trace.patch, kwargs=dict(url="http://127.0.0.1:9"))
patching.start()
halfway.wait()
child = os.fork()
if child == 0:
    signal.alarm(30)  # ends it should it hang
    instrument.patch_points.missing_attribute = missing
    log10_trace.patch(url="http://127.0.0.1:9")
    os._exit(0 if instrument.capture_state.capture is not None else 1)
go_on.set()
patching.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(0)
"""


def test_a_child_that_is_forked_in_the_middle_of_patch_can_patch(private_home: Path) -> None:
    """A thread that is not in the child holds nothing there: patch() does not hang, and patches."""
    ended = program(private_home, FORKS_IN_PATCH)

    assert (ended.stdout.strip(), ended.stderr) == ("0", "")
