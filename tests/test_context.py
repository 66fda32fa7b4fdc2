"""``session()`` and ``tags()``: what holds where, and for how long."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.config import resolve
from log10_trace.context import current, merge_tags, process_session, propagate, session, tags
from log10_trace.errors import ConfigError


def here() -> tuple[str, ...]:
    return current().tags


def test_tags_hold_inside_and_end_outside() -> None:
    """Scopes nest: inner tags join the outer ones, in order, without duplicates."""
    with tags("a", "b"):
        with tags("b", "c"):
            assert here() == ("a", "b", "c")
        assert here() == ("a", "b")
    assert here() == ()


def test_tags_end_when_the_body_raises() -> None:
    """An exception leaves nothing behind."""
    with pytest.raises(KeyError), tags("a"):
        raise KeyError

    assert here() == ()


def test_one_object_serves_many_entries() -> None:
    """The same ``tags`` object may be entered inside itself and again later."""
    label = tags("a")

    with label, label:
        assert here() == ("a",)
    with label:
        assert here() == ("a",)
    assert here() == ()


@pytest.mark.parametrize("bad", [7, None, b"bytes", ["a"]])
def test_a_tag_that_is_no_string_is_refused_by_value(bad: Any) -> None:
    """The error names the value, at decoration or entry, not at the call."""
    with pytest.raises(TypeError, match="a tag is a string") as caught:
        tags("a", bad)
    assert repr(bad) in str(caught.value)
    with pytest.raises(TypeError, match="a tag is a string"):
        session(tags=["a", bad])


def test_a_bare_string_is_not_a_list_of_tags() -> None:
    """``session(tags="abc")`` is a slip, not three tags."""
    with pytest.raises(TypeError, match="'abc' is one string"):
        session(tags="abc")


def test_a_record_has_a_thousand_tags_at_most() -> None:
    """More in one place are refused there; of those of several places a record has the first."""
    some, others = [f"a{number}" for number in range(600)], [f"b{number}" for number in range(600)]
    with pytest.raises(ValueError, match="at most 1000 tags, and 1200 are given"):
        tags(*some, *others)
    with tags(*some, *some), tags(*others):
        assert here() == (*some, *others[:400])


def test_a_session_without_brackets_is_refused() -> None:
    """``@session`` without brackets says how to write it."""
    with pytest.raises(TypeError, match=r"session\(\)"):
        session(here)  # type: ignore[arg-type]


def test_bad_metadata_is_refused_where_it_is_given() -> None:
    """The error names key and value, at ``session()`` or ``tags()``, not at the call."""
    with pytest.raises(TypeError, match="'user' is dict"):
        session(metadata={"user": {"id": 42}})
    with pytest.raises(TypeError, match="'42' is none"):
        tags("a", metadata="42")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'a=b'"):
        tags(metadata={"a=b": 1})


def test_a_session_has_an_id_of_its_own() -> None:
    """Every entry is a new session; nested ones restore the outer one."""
    with session(tags=["s"]) as outer:
        assert current().session is outer
        with session() as inner:
            assert inner.id != outer.id
            assert here() == ("s",)
        assert current().session is outer
    assert current().session is None


def test_a_session_may_continue_another() -> None:
    """A session id that is given is kept; one that is no string is refused."""
    with session(id="order-7") as again:
        assert again.id == "order-7"
    with pytest.raises(TypeError, match="7 is int"):
        session(id=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["two\nlines", "nul\0", "half \ud83d", "x" * 513])
def test_a_label_that_no_server_takes_is_refused_where_it_is_given(bad: str) -> None:
    """A record with such a tag or session id would be refused; the error shows where it begins."""
    shown = re.escape(repr(bad)[:100])
    with pytest.raises(ValueError, match=f"a tag has at most 512 .*{shown}"):
        tags("good", bad)
    with pytest.raises(ValueError, match=f"a tag has at most 512 .*{shown}"):
        session([bad])
    with pytest.raises(ValueError, match=f"a session id has at most 512 .*{shown}"):
        session(id=bad)
    with pytest.raises(ConfigError, match=f"tags.*at most 512 .*{shown}"):
        resolve({"tags": ["good", bad]})


def test_the_process_has_a_session_and_a_forked_child_another() -> None:
    """Outside any session the process's own id counts; a child after fork has its own."""
    mine = process_session().id
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(write, process_session().id.encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 100).decode()
    os.close(read)
    os.close(write)

    assert process_session().id == mine
    assert theirs != mine


def test_a_decorated_function_keeps_name_and_signature() -> None:
    """The decorator is invisible to introspection."""

    @tags("t")
    @session()
    def work(a: int, *, b: str = "x") -> str:
        """Do it."""
        return f"{a}{b}{here()}"

    assert work(1, b="y") == "1y('t',)"
    assert work.__name__ == "work"
    assert work.__doc__ == "Do it."
    assert list(inspect.signature(work).parameters) == ["a", "b"]


def test_kinds_of_functions_stay_what_they_are() -> None:
    """A coroutine function, a generator function and an async generator function are still recognized."""

    @tags("t")
    async def coroutine() -> None: ...

    @tags("t")
    def generator() -> Iterator[int]:
        yield 1

    @tags("t")
    async def async_generator() -> AsyncIterator[int]:
        yield 1

    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)


def test_tags_hold_while_a_generator_runs_and_not_while_it_waits() -> None:
    """The body sees its tags after every ``yield``; the consumer never does."""

    @tags("g")
    def numbers() -> Iterator[tuple[str, ...]]:
        with tags("inner"):
            yield here()
        yield here()

    seen = []
    for inside in numbers():
        seen.append((inside, here()))

    assert seen == [(("g", "inner"), ()), (("g",), ())]


def test_a_decorated_generator_is_a_whole_generator() -> None:
    """``send``, ``throw``, ``close`` and the return value reach the body and come back."""
    closed = []

    @tags("g")
    def echo() -> Any:
        given_values = []
        try:
            given_values.append((yield "first"))
            try:
                yield "second"
            except ValueError as error:
                given_values.append(str(error))
            return given_values
        finally:
            closed.append(here())

    it = echo()
    assert next(it) == "first"
    assert it.send("sent") == "second"
    with pytest.raises(StopIteration) as end:
        it.throw(ValueError("thrown"))
    assert end.value.value == ["sent", "thrown"]

    left = echo()
    next(left)
    left.close()
    assert closed == [("g",), ("g",)]


async def _async_echo_behaviour() -> list[Any]:
    seen: list[Any] = []

    @tags("ag")
    async def stream() -> Any:
        try:
            await asyncio.sleep(0)
            sent = yield here()
            try:
                yield sent
            except ValueError as error:
                yield str(error)
        finally:
            seen.append(("closed", here()))

    it = stream()
    seen.append((await it.asend(None), here()))
    seen.append(await it.asend("sent"))
    seen.append(await it.athrow(ValueError("thrown")))
    await it.aclose()
    async for inside in stream():
        seen.append((inside, here()))
        break
    return seen


def test_tags_hold_while_an_async_generator_runs() -> None:
    """The async twin: every step has the tags, the consumer has not, and sending and throwing work."""
    seen = asyncio.run(_async_echo_behaviour())
    gc.collect()

    assert seen[:5] == [(("ag",), ()), "sent", "thrown", ("closed", ("ag",)), (("ag",), ())]
    assert seen[5:] in ([], [("closed", ("ag",))])


def test_async_with_and_coroutines() -> None:
    """``async with`` and a decorated coroutine function label what is awaited inside."""

    @session(tags=["c"])
    async def work() -> tuple[tuple[str, ...], str]:
        async with tags("d"), session(id="inner") as opened:
            await asyncio.sleep(0)
            return here(), opened.id

    assert asyncio.run(work()) == (("c", "d"), "inner")


def test_tasks_never_see_each_others_tags() -> None:
    """Concurrent tasks that interleave at every await keep their own sessions and tags."""
    shared = tags("shared")

    async def work(name: str) -> tuple[str, ...]:
        with shared, tags(name), session(tags=[name + "!"]):
            for _ in range(5):
                await asyncio.sleep(0)
            return here()

    async def together() -> list[tuple[str, ...]]:
        return await asyncio.gather(*(work(str(number)) for number in range(20)))

    results = asyncio.run(together())

    assert results == [("shared", str(n), f"{n}!") for n in range(20)]


def test_threads_never_see_each_others_tags() -> None:
    """A thread begins without tags; ``propagate`` hands it those of the moment."""
    with ThreadPoolExecutor(2) as pool, tags("mine"), session() as opened:
        alone = pool.submit(here).result()
        handed = pool.submit(propagate(lambda: (here(), current().session))).result()

    assert alone == ()
    assert handed == (("mine",), opened)


def test_propagated_work_leaves_its_thread_as_it_was() -> None:
    """After propagated work the pool's thread has no tags again."""
    with ThreadPoolExecutor(1) as pool:
        with tags("mine"):
            pool.submit(propagate(here)).result()
        assert pool.submit(here).result() == ()


labels = st.lists(st.text(min_size=1, max_size=3), max_size=6).map(tuple)


@given(labels, labels, labels)
def test_merging_is_a_union_in_order(
    first: tuple[str, ...], second: tuple[str, ...], third: tuple[str, ...]
) -> None:
    """Merging keeps order, has no duplicates of its own making, and does not depend on grouping."""
    a, b, c = (tuple(dict.fromkeys(x)) for x in (first, second, third))

    assert merge_tags(merge_tags(a, b), c) == merge_tags(a, merge_tags(b, c))
    assert set(merge_tags(a, b)) == {*a, *b}
    assert len(set(merge_tags(a, b))) == len(merge_tags(a, b))
    assert merge_tags(a, a) == a


@pytest.mark.parametrize("label", [tags("inside"), session(["inside"])])
def test_the_decorator_does_not_leak_from_a_generator_as_with_does(label: Any) -> None:
    """Between two items a reader sees what ``with`` around the ``yield`` has set, as Python has it."""

    async def with_block() -> AsyncIterator[tuple[str, ...]]:
        with label:
            yield current().tags

    def plain_with_block() -> Iterator[tuple[str, ...]]:
        with label:
            yield current().tags

    @label
    async def decorated() -> AsyncIterator[tuple[str, ...]]:
        yield current().tags

    @label
    def plain_decorated() -> Iterator[tuple[str, ...]]:
        yield current().tags

    async def read() -> list[Any]:
        seen = []
        for made in (with_block(), decorated()):
            seen += [(item, current().tags) async for item in made]
        return seen

    leaks, holds = (("inside",), ("inside",)), (("inside",), ())
    assert asyncio.run(read()) == [leaks, holds]
    assert [(item, current().tags) for item in plain_with_block()] == [leaks]
    assert [(item, current().tags) for item in plain_decorated()] == [holds]
