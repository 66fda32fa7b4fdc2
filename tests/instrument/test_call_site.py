"""The user's own line, where a framework makes the call in a task or a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import anyio
import openai
import pytest

import log10_trace
from log10_trace import instrument
from log10_trace.guard import faults
from log10_trace.instrument import awaiters
from tests.instrument.conftest import Kept
from tests.instrument.installed import framework
from tests.instrument.programs import CHAT, seeded
from tests.model_endpoint import Endpoint
from tests.processes import DEADLINE_S, until

__all__ = ["framework"]

Scenario = Callable[[Any, Any], Coroutine[Any, Any, Any]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """The line marked with ``# here`` is the call site."""
    SCENARIOS[function.__name__] = function
    return function


@scenario
async def awaited_in_the_task(lib: Any, client: Any) -> None:
    await lib.ask(client, **CHAT)  # here


@scenario
async def task(lib: Any, client: Any) -> None:
    made = asyncio.create_task(lib.ask(client, **CHAT))
    await made  # here


@scenario
async def task_of_the_framework(lib: Any, client: Any) -> None:
    await lib.ask_in_a_task(client, **CHAT)  # here


@scenario
async def gather(lib: Any, client: Any) -> None:
    await asyncio.gather(lib.ask(client, **CHAT))  # here


@scenario
async def gather_of_the_framework(lib: Any, client: Any) -> None:
    await lib.ask_all(client, CHAT)  # here


@scenario
async def gather_in_a_gather(lib: Any, client: Any) -> None:
    await asyncio.gather(lib.ask_all(client, CHAT))  # here


@scenario
async def wait_for(lib: Any, client: Any) -> None:
    await asyncio.wait_for(lib.ask(client, **CHAT), 30)  # here


@scenario
async def wait_for_a_task(lib: Any, client: Any) -> None:
    made = asyncio.create_task(lib.ask(client, **CHAT))
    await asyncio.wait_for(made, 30)  # here


@scenario
async def shield(lib: Any, client: Any) -> None:
    await asyncio.shield(lib.ask(client, **CHAT))  # here


@scenario
async def wait(lib: Any, client: Any) -> None:
    made = asyncio.create_task(lib.ask(client, **CHAT))
    await asyncio.wait([made])  # here


@scenario
async def as_completed(lib: Any, client: Any) -> None:
    for each in asyncio.as_completed([lib.ask(client, **CHAT)]):
        await each  # here


@scenario
async def async_generator(lib: Any, client: Any) -> None:
    async for _ in lib.answers(client, **CHAT):  # here
        pass


@scenario
async def own_async_generator(lib: Any, client: Any) -> None:
    async def own() -> Any:
        yield await lib.ask_in_a_task(client, **CHAT)  # here

    async for _ in own():
        pass


@scenario
async def awaitable_object(lib: Any, client: Any) -> None:
    agent = lib.Agent(client, **CHAT)
    await agent  # here


@scenario
async def anyio_task_group(lib: Any, client: Any) -> None:
    async def ask() -> None:
        await lib.ask(client, **CHAT)
        answered.set()

    ask.__code__ = ask.__code__.replace(co_filename=lib.__file__)
    answered = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await answered.wait()  # here


@scenario
async def future_of_another_loop(lib: Any, client: Any) -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        is_awaited = threading.Event()

        def again() -> openai.AsyncOpenAI:
            assert is_awaited.wait(DEADLINE_S)
            return openai.AsyncOpenAI(base_url=client.base_url, api_key="k")

        submitted = asyncio.run_coroutine_threadsafe(lib.ask_once(again, **CHAT), loop)
        asyncio.get_running_loop().call_soon(is_awaited.set)
        await asyncio.wrap_future(submitted)  # here
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


if sys.version_info >= (3, 11):

    @scenario
    async def task_group(lib: Any, client: Any) -> None:
        async with asyncio.TaskGroup() as group:
            made = group.create_task(lib.ask(client, **CHAT))
            await asyncio.wait([made])  # here


if sys.version_info >= (3, 12):

    @scenario
    async def eager_task(lib: Any, client: Any) -> None:
        if not isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
            pytest.skip("uvloop and the eager factory agree in some versions only")
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(lib.ask(client, **CHAT))  # here


NEEDS_NO_WAITER = ("awaited_in_the_task", "eager_task", *["wait_for"] * (sys.version_info >= (3, 12)))
RUNS_THE_LOOP = "test_a_task_of_a_framework_names_the_line_that_waits_for_it"


def call_site(kept: Kept) -> dict[str, Any]:
    frame: dict[str, Any] = kept.records[-1]["stacktrace"][-1]
    return frame


def runner(loop: str) -> Callable[[Any], Any]:
    """Runs a coroutine on asyncio's loop or on uvloop's."""
    if loop == "asyncio":
        return asyncio.run
    uvloop = pytest.importorskip("uvloop")
    if sys.version_info >= (3, 11):
        return lambda main: asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main)

    def run(main: Any) -> Any:
        made = uvloop.new_event_loop()
        try:
            return made.run_until_complete(main)
        finally:
            made.close()

    return run


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_task_of_a_framework_names_the_line_that_waits_for_it(
    name: str, loop: str, framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """However the user's task waits: the stack runs from the line that runs the loop to the user's."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            await SCENARIOS[name](framework, client)

    before = faults.counts()
    runner(loop)(main())

    site = call_site(kept)
    names = [frame["name"] for frame in kept.one["stacktrace"]]
    assert (Path(site["file"]), site["line"][-6:]) == (Path(__file__), "# here")
    assert site.get("origin") == (None if name in NEEDS_NO_WAITER else "await")
    if name != "future_of_another_loop":
        assert names.index(RUNS_THE_LOOP) < names.index("main")
    assert faults.counts() == before


def test_many_tasks_name_the_lines_of_their_own_waiters(
    framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """Calls at one line of the framework, waited for at two lines of the user's, are told apart."""

    async def first(client: Any) -> None:
        await framework.ask_all(client, *map(seeded, range(10)))  # first

    async def second(client: Any) -> None:
        await framework.ask_all(client, *map(seeded, range(10, 20)))  # second

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            await asyncio.gather(first(client), second(client))

    asyncio.run(main())

    for record in kept.records:
        expected = "first" if record["request"]["seed"] < 10 else "second"
        assert record["stacktrace"][-1]["name"] == expected


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_task_for_which_no_task_waits_names_the_line_that_runs_the_loop(
    loop: str, framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """``asyncio.run(framework.ask())``: the line stands below the loop."""
    make = functools.partial(openai.AsyncOpenAI, base_url=endpoint.url, api_key="k")
    run = runner(loop)
    run(framework.ask_once(make, **CHAT))  # here

    site = call_site(kept)
    if loop == "asyncio":
        assert site["line"] == "run(framework.ask_once(make, **CHAT))  # here"
    assert (site["file"], site["origin"]) == (__file__, "loop")


def test_a_loop_in_a_thread_names_the_line_that_started_the_thread(
    framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """A synchronous method of a framework that runs its async one in a thread."""
    make = functools.partial(openai.AsyncOpenAI, base_url=endpoint.url, api_key="k")
    framework.run_in_a_thread(lambda: framework.ask_once(make, **CHAT))  # here

    site = call_site(kept)
    assert (site["file"], site["line"][-6:], site["origin"]) == (__file__, "# here", "thread")


def test_a_loop_of_another_thread_names_the_line_that_waits_for_its_answer(
    framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """``run_coroutine_threadsafe(...).result()``: that thread's line, wherever the loop was started."""
    waiting = threading.get_ident()

    def waits() -> bool:
        frames = traceback.walk_stack(sys._current_frames()[waiting])
        return any(frame.f_code is Future.result.__code__ for frame, _ in frames)

    def make() -> openai.AsyncOpenAI:
        until(waits, "the thread waits for the answer")
        return openai.AsyncOpenAI(base_url=endpoint.url, api_key="k")

    framework.run_on_a_loop(lambda: framework.ask_once(make, **CHAT))  # here

    site = call_site(kept)
    assert (site["file"], site["line"][-6:], site["origin"]) == (__file__, "# here", "await")


def test_an_executor_names_the_line_of_each_submit(framework: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Not the line whose work the worker thread was made for."""
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as client:

        def ask(seed: int) -> Any:
            return framework.ask_sync(client, **seeded(seed))

        ask.__code__ = ask.__code__.replace(co_filename=framework.__file__)
        framework.submit_all(ask, [1, 2])  # first
        framework.submit_all(ask, [3, 4])  # second

    for record in kept.records:
        site = record["stacktrace"][-1]
        assert site["line"].endswith("# first" if record["request"]["seed"] < 3 else "# second")
        assert site["origin"] == "thread"


@pytest.mark.parametrize("how", ["to_thread", "run_in_executor"])
def test_work_handed_to_a_thread_by_a_task(how: str, framework: Any, endpoint: Endpoint, kept: Kept) -> None:
    """``to_thread`` runs in a copy of the task's context, and its line is known all the same."""

    async def main() -> None:
        with openai.OpenAI(base_url=endpoint.url, api_key="k") as client, log10_trace.tags("task"):
            if how == "to_thread":
                await asyncio.to_thread(framework.ask_sync, client, **CHAT)  # here
            else:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, lambda: framework.ask_sync(client, **CHAT))  # here

    asyncio.run(main())

    site = call_site(kept)
    assert site["line"].endswith("# here")
    assert site.get("origin") == ("thread" if how == "to_thread" else None)
    assert kept.one["tags"] == ["task"]


def test_without_any_line_the_one_that_opened_the_session_stands_for_it(
    framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """A worker that runs what is put into its queue in a copy of the context: marked as such."""
    instrument.install(kept, threads_carry_scope=False)
    worker = framework.Worker()
    worker.start()
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as client:

        def work() -> Any:
            return framework.ask_sync(client, **CHAT)

        work.__code__ = work.__code__.replace(co_filename=framework.__file__)
        with log10_trace.session(), contextlib.ExitStack() as stack:
            stack.enter_context(log10_trace.tags("outer"))  # here
            worker.do(work)
        worker.do(work)
        worker.do(None)

    (*_, site), (*_, none) = (record["stacktrace"] for record in kept.records)
    assert (site["line"][-6:], site["origin"]) == ("# here", "scope")
    assert (none["name"], "origin" in none) == ("ask_sync", False)


def test_a_session_that_was_opened_on_the_loop_is_nearer_than_the_loop(
    framework: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """A task that goes on in the background, with nobody who waits for it."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            done = asyncio.Event()
            with log10_trace.session():  # here
                agent = framework.Agent(client, **CHAT)
            agent.task.add_done_callback(lambda _: done.set())
            await done.wait()

    with log10_trace.tags("outer"):
        asyncio.run(main())

    site = call_site(kept)
    assert (site["line"], site["origin"]) == ("with log10_trace.session():  # here", "scope")


def test_app_names_installed_code_that_is_the_users(
    framework: Any, endpoint: Endpoint, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application in a container is itself installed; a module in a checkout may be another's."""
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as client:
        for app in [(), ("some_framework",), (str(Path(framework.__file__).parent),)]:
            instrument.install(kept, app=app)
            framework.ask_sync(client, **CHAT)
        instrument.install(kept, app=("!" + __name__,))
        framework.ask_sync(client, **CHAT)
    instrument.install(kept)

    names = [record["stacktrace"][-1]["name"] for record in kept.records]
    mine = "test_app_names_installed_code_that_is_the_users"
    assert names[:3] == [mine, "ask_sync", "ask_sync"]
    assert names[3] != mine


def test_a_climb_keeps_nothing_alive(framework: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Tasks and what their frames hold go as they go unrecorded, without the garbage collector."""

    class Held:
        """Something that a frame of the user's holds."""

    gone = []

    async def ask(client: Any) -> None:
        held = Held()
        gone.append(weakref.ref(held))
        made = asyncio.create_task(framework.ask(client, **CHAT))
        gone.append(weakref.ref(made))
        await made

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            await ask(client)  # its connection, which has references of its own
            gc.collect()
            gc.disable()
            await ask(client)

    try:
        asyncio.run(main())
        left = [ref() for ref in gone]
    finally:
        gc.enable()

    assert left == [None] * 4
    assert call_site(kept)["name"] == "ask"


@pytest.mark.parametrize("step", ["frames_of_waiting", "_find_reached", "current_task"])
def test_a_fault_while_climbing_costs_the_line_only(
    step: str, framework: Any, endpoint: Endpoint, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call goes on, and is recorded."""

    def fail(*_args: Any) -> Any:
        raise RuntimeError("injected")

    async def main() -> Any:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as client:
            return await framework.ask_in_a_task(client, **CHAT)

    monkeypatch.setattr(awaiters, step, fail)
    answer = asyncio.run(main())

    assert answer.choices[0].message.content == "Hello there"
    assert kept.one["status"] == "finished"


def test_a_ring_of_futures_is_climbed_once(kept: Kept) -> None:
    """Futures that wait for one another in a ring, and callbacks of the program, lead nowhere."""

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        other = asyncio.create_task(asyncio.sleep(0))
        first.add_done_callback(second.set_result)
        second.add_done_callback(first.set_result)
        first.add_done_callback(lambda _: other.cancel())
        found = list(awaiters.frames_of_waiting(first))
        await other
        return found

    assert asyncio.run(main()) == []


def test_trio(framework: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A task of a nursery names the line of the task that opened it."""
    trio = pytest.importorskip("trio")

    async def main() -> None:
        client = openai.AsyncOpenAI(base_url=endpoint.url, api_key="k")
        async with client, trio.open_nursery() as nursery:
            nursery.start_soon(framework_ask, client)

    async def framework_ask(client: Any) -> None:
        await framework.ask(client, **CHAT)

    framework_ask.__code__ = framework_ask.__code__.replace(co_filename=framework.__file__)
    trio.run(main)

    assert (call_site(kept)["name"], call_site(kept)["origin"]) == ("main", "await")
