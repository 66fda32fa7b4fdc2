"""Session and tags in threads and executors: those of the code that starts them, and nothing else changes."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import multiprocessing
import os
import sys
import textwrap
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import thread as executors
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

import log10_trace
from log10_trace import instrument
from log10_trace.context import current
from log10_trace.guard import faults
from log10_trace.instrument import stack, thread_scope
from tests.instrument.conftest import Kept
from tests.processes import program

PLACES = [
    (threading.Thread, "start"),
    (threading.Thread, "_bootstrap_inner"),
    (executors._WorkItem, "__init__"),
    (executors._WorkItem, "run"),
]


@pytest.fixture(autouse=True)
def carrying(kept: Kept) -> Iterator[None]:
    """Threads carry the scope, and leave nothing behind."""
    before = faults.counts()
    yield
    assert faults.counts() == before
    assert (thread_scope._starting, stack.submitted_lines) == ({}, {})


def labels() -> tuple[tuple[str, ...], str | None]:
    """The tags and the session in force."""
    scope = current()
    return scope.tags, scope.session and scope.session.id


def run_in_thread(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


class Overridden(threading.Thread):
    """A thread whose ``run`` is its own."""

    seen: Any = None

    def run(self) -> None:
        """Note the scope."""
        self.seen = labels()


def test_a_thread_begins_with_the_scope_of_its_start() -> None:
    """Of its ``start``, not of its making; also where ``run`` is overridden, and in a timer."""
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(labels()))
    own = Overridden()
    with log10_trace.session(tags=["outer"]) as session, log10_trace.tags("inner"):
        run_in_thread(thread)
        run_in_thread(own)
        timer = threading.Timer(0, lambda: seen.append(labels()))
        run_in_thread(timer)

    assert [*seen, own.seen] == [(("outer", "inner"), session.id)] * 3


def test_what_an_executor_runs_has_the_scope_of_its_submit() -> None:
    """The worker serves many scopes one after the other, and has none of them in between."""
    with ThreadPoolExecutor(1) as pool:
        with log10_trace.tags("first"):
            first = pool.submit(labels)
        with log10_trace.tags("second"):
            second = pool.submit(functools.partial(labels))
            mapped = list(pool.map(lambda _: labels(), range(2)))
        third = pool.submit(labels)

    tags = [future.result()[0] for future in (first, second, third)]
    assert (tags, [each[0] for each in mapped]) == ([("first",), ("second",), ()], [("second",)] * 2)


def test_run_in_executor_and_to_thread() -> None:
    """A loop's executor passes ``submit``; ``to_thread`` has the whole context as before."""
    other: contextvars.ContextVar[str] = contextvars.ContextVar("other", default="not carried")

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        other.set("carried")
        with log10_trace.tags("task"), ThreadPoolExecutor(1) as pool:
            return [
                await loop.run_in_executor(None, lambda: (labels()[0], other.get())),
                await loop.run_in_executor(pool, lambda: (labels()[0], other.get())),
                await asyncio.to_thread(lambda: (labels()[0], other.get())),
            ]

    carried, not_carried = (("task",), "carried"), (("task",), "not carried")
    assert asyncio.run(main()) == [not_carried, not_carried, carried]


def test_a_thread_that_outlives_the_block_keeps_its_scope() -> None:
    """And scopes that it opens itself add to it."""
    left, seen = threading.Event(), []

    def work() -> None:
        left.wait()
        with log10_trace.tags("own"):
            seen.append(labels()[0])
        seen.append(labels()[0])

    with log10_trace.tags("block"):
        thread = threading.Thread(target=work)
        thread.start()
    left.set()
    thread.join()

    assert seen == [("block", "own"), ("block",)]
    assert labels() == ((), None)


def test_propagate_wins() -> None:
    """The function has the scope that it was handed, whichever the thread has."""
    with log10_trace.tags("handed"):
        handed = log10_trace.propagate(labels)
    with log10_trace.tags("submitted"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(handed).result()[0] == ("handed",)
        assert pool.submit(labels).result()[0] == ("submitted",)


def test_threads_of_a_pool_belong_to_no_scope() -> None:
    """A pool of ``multiprocessing.pool`` serves the whole program: its threads begin with nothing."""
    with log10_trace.tags("made"):
        pool = ThreadPool(1)
    with pool, log10_trace.tags("used"):
        assert pool.apply(labels) == ((), None)
        assert pool.apply(log10_trace.propagate(labels))[0] == ("used",)
    pool.join()


def test_without_threads_they_begin_with_nothing(kept: Kept) -> None:
    """``patch(threads=False)``."""
    instrument.install(kept, threads_carry_scope=False)
    seen: list[Any] = []
    with log10_trace.tags("main"), ThreadPoolExecutor(1) as pool:
        run_in_thread(threading.Thread(target=lambda: seen.append(labels()[0])))
        seen.append(pool.submit(labels).result()[0])

    assert seen == [(), ()]


def test_work_submitted_before_is_run_after_and_the_other_way_round(kept: Kept) -> None:
    """``patch()`` and ``unpatch()`` may come at any time."""
    instrument.uninstall()
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(go.wait)
        with log10_trace.tags("before"):
            before = pool.submit(labels)
        instrument.install(kept)
        with log10_trace.tags("between"):
            between = pool.submit(labels)
        go.set()
        assert (before.result()[0], between.result()[0]) == ((), ("between",))
        with log10_trace.tags("after"):
            held = pool.submit(go.wait)
            instrument.uninstall()
            after = pool.submit(labels)

    assert (held.result(), after.result()[0]) == (True, ())


def test_unpatch_restores_threads_exactly(kept: Kept) -> None:
    """The very functions, however often we were put in; the class looks as it did."""
    instrument.uninstall()
    before = [vars(owner)[name] for owner, name in PLACES]
    for _ in range(3):
        instrument.install(kept)
    wrapped = [vars(owner)[name] for owner, name in PLACES]
    instrument.uninstall()

    assert [vars(owner)[name] for owner, name in PLACES] == before
    for ours, theirs in zip(wrapped, before, strict=True):
        assert ours.__wrapped__ is theirs
        assert (ours.__name__, ours.__qualname__, ours.__doc__) == (
            theirs.__name__,
            theirs.__qualname__,
            theirs.__doc__,
        )


def test_another_wrapper_on_top_stays(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours stays beneath it, and does nothing any more."""
    ours = threading.Thread.start
    calls = []

    def start(self: Any) -> None:
        calls.append(self)
        ours(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    instrument.uninstall()
    seen: list[Any] = []
    with log10_trace.tags("main"):
        run_in_thread(threading.Thread(target=lambda: seen.append(labels()[0])))

    assert (len(calls), seen) == (1, [()])
    monkeypatch.undo()
    instrument.install(kept)
    instrument.uninstall()
    assert threading.Thread.start is not ours


def files_in(error: BaseException) -> list[str]:
    return [Path(frame.filename).name for frame in traceback.extract_tb(error.__traceback__)]


def test_no_frame_of_ours_stands_in_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the exception of a future nor in that of a thread."""
    raised: list[BaseException] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))

    def work() -> None:
        raise ValueError("the program's own")

    run_in_thread(threading.Thread(target=work))
    with ThreadPoolExecutor(1) as pool:
        future: Future[None] = pool.submit(work)
    error = future.exception()
    assert error is not None

    mine = Path(__file__).name
    assert files_in(raised[0]) == ["threading.py", "threading.py", mine]
    assert files_in(error) == ["thread.py", *["thread.py"] * (sys.version_info >= (3, 14)), mine]


def test_a_thread_that_cannot_start_leaves_nothing() -> None:
    """A thread starts once; the error is Python's."""
    thread = threading.Thread(target=labels)
    run_in_thread(thread)

    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()
    with ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(RuntimeError, match="cannot schedule new futures"):
        pool.submit(labels)
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError):
        pool.submit()  # type: ignore[call-arg]


def test_threads_look_as_they_do() -> None:
    """Their name, their representation and their attributes are Python's."""
    with log10_trace.tags("main"):
        thread = threading.Thread(target=labels, name="mine", daemon=True)
        names = set(vars(thread))
        run_in_thread(thread)

    assert set(vars(thread)) <= names
    assert repr(thread).startswith("<Thread(mine, stopped daemon")


def test_a_cancelled_future_and_a_broken_initializer() -> None:
    """What never runs leaves nothing."""
    held = threading.Event()
    with log10_trace.tags("main"), ThreadPoolExecutor(1) as pool:
        pool.submit(held.wait)
        waiting = pool.submit(labels)
        assert waiting.cancel()
        held.set()
        assert pool.submit(labels).result()[0] == ("main",)


def test_work_for_processes_is_left_as_it_is() -> None:
    """It is pickled, and has nothing of ours in it."""
    context = multiprocessing.get_context("spawn")
    with log10_trace.tags("main"), ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(abs, -3).result() == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_carries_scopes_as_its_parent_does() -> None:
    """From a thread of its parent that had a scope, and into threads of its own."""

    def work() -> None:
        child = os.fork()
        if not child:
            seen: list[Any] = [labels()[0]]
            run_in_thread(threading.Thread(target=lambda: seen.append(labels()[0])))
            with ThreadPoolExecutor(1) as pool:
                seen.append(pool.submit(labels).result()[0])
            os._exit(0 if seen == [("main",)] * 3 else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    codes: list[int] = []
    with log10_trace.tags("main"), ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()

    assert codes == [0]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="threads have no context of their own here")
def test_a_context_that_the_program_gives_its_thread_is_used_as_it_is() -> None:
    """``Thread(context=...)``."""
    seen: list[Any] = []
    with log10_trace.tags("given"):
        context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: seen.append(labels()[0]), context=context)  # type: ignore[call-arg,unused-ignore]
    with log10_trace.tags("start"):
        run_in_thread(thread)

    assert seen == [("given",)]


@pytest.mark.parametrize("first", ["patch", "gevent"])
def test_greenlets_in_place_of_threads(tmp_path: Path, first: str) -> None:
    """With gevent before ``patch()`` or after it: each greenlet has the scope of its start."""
    pytest.importorskip("gevent")
    if first == "patch" and sys.version_info >= (3, 13):
        pytest.skip("gevent must be there before the first thread is")
    lines = ["import gevent.monkey; gevent.monkey.patch_all()", "import log10_trace; log10_trace.patch()"]
    program_text = textwrap.dedent(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from log10_trace.context import current
        seen = []
        def work():
            seen.append(current().tags)
        threads = []
        for name in "ab":
            with log10_trace.tags(name):
                threads.append(threading.Thread(target=work))
                threads[-1].start()
        for thread in threads:
            thread.join()
        with ThreadPoolExecutor(1) as pool, log10_trace.tags("c"):
            pool.submit(work).result()
        print(seen, log10_trace.stats().faults)
        """
    )
    ordered = lines if first == "gevent" else lines[::-1]

    done = program(tmp_path, "\n".join([*ordered, program_text]))

    assert done.stdout.strip() == "[('a',), ('b',), ('c',)] {}", done.stderr


def test_daemon_threads_at_the_end_of_the_program(tmp_path: Path) -> None:
    """A thread that the end of the interpreter stops says nothing."""
    done = program(
        tmp_path,
        textwrap.dedent(
            """
            import threading
            import log10_trace
            log10_trace.patch()
            begun = threading.Event()
            def work():
                begun.set()
                while True:
                    pass
            with log10_trace.session():
                for _ in range(3):
                    threading.Thread(target=work, daemon=True).start()
            begun.wait()
            """
        ),
    )

    assert (done.returncode, done.stderr) == (0, "")


LATE = """
import sys
import log10_trace
import openai  # early versions import executors themselves
from log10_trace import instrument
from tests.instrument.conftest import Kept

name = "concurrent.futures.thread"
for each in [each for each in sys.modules if each.startswith("concurrent.futures")]:
    del sys.modules[each]
from log10_trace.context import current
instrument.install(Kept())
assert name not in sys.modules
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(1) as pool, log10_trace.tags("here"):
    print(pool.submit(lambda: current().tags).result())
instrument.uninstall()
with ThreadPoolExecutor(1) as pool, log10_trace.tags("here"):
    run = sys.modules[name]._WorkItem.run
    print(pool.submit(lambda: current().tags).result(), hasattr(run, "__wrapped__"))
"""


def test_executors_that_are_imported_after_patch_carry_scopes(private_home: Path) -> None:
    """``patch()`` does not import them for it, and ``unpatch()`` leaves them as they were."""
    ended = program(private_home, LATE)

    assert (ended.stdout.splitlines(), ended.stderr) == (["('here',)", "() False"], "")
