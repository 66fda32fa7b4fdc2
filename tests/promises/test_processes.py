"""Nothing is lost and nothing is sent twice, however a program makes and ends its processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import completions_api as does
from tests.completions_api import CompletionsAPI, Exchange
from tests.processes import program, until

pytestmark = pytest.mark.promises

HEAD = """
import asyncio, atexit, multiprocessing, os, sys, threading
from tests.export.factories import call, config, keep
from log10_trace.export import Delivery, delivery

# On a busy machine an answer may take long. A batch is not given up for that here, and so not sent again.
delivery.delivery.NO_PROGRESS_TIMEOUT_S = 30
made = Delivery(config({url!r}, timeout=30, exit_timeout=30))
atexit.register(made.exit)

def wait_for_company():
    # What is on its way when a process ends at once is sent again: it sends nothing by itself.
    made.config = made.config._replace(flush_interval=60)
"""
NEXT = """
made.recover()
assert made.flush(30), made.stats()
"""


def run(home: Path, api: CompletionsAPI, source: str) -> str:
    """Run a program to its good end, and then one that delivers what it left; what the first has printed."""
    ended = program(home, HEAD.format(url=api.url) + source)
    assert (ended.returncode, ended.stderr) == (0, "")
    following = program(home, HEAD.format(url=api.url) + NEXT)
    assert (following.returncode, following.stderr) == (0, "")
    return ended.stdout


def arrived(api: CompletionsAPI) -> dict[int, int]:
    """How many records arrived from how many sources; every one of them exactly once, none missing."""
    assert set(api.times().values()) == {1}
    counts = [len(sequences) for sequences in api.sequences().values()]
    assert [sorted(each) for each in api.sequences().values()] == [list(range(1, n + 1)) for n in counts]
    return {n: counts.count(n) for n in counts}


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_forked_child_delivers_its_own_and_no_other(private_home: Path, end: str) -> None:
    """A child that is forked with records on the way has its own 20, and the parent keeps its own 10."""
    source = f"""
keep(made, 10)
child = os.fork()
if child == 0:
    wait_for_company()
    keep(made, 20)
    {end}
os.waitpid(child, 0)
"""
    with CompletionsAPI() as api:
        run(private_home, api, source)

        assert arrived(api) == {10: 1, 20: 1}


def test_a_parent_that_records_nothing_delivers_what_its_child_left(private_home: Path) -> None:
    """A parent that makes no calls of its own flushes its dead children's."""
    source = """
child = os.fork()
if child == 0:
    wait_for_company()
    keep(made, 20)
    os._exit(0)
os.waitpid(child, 0)
print(made.flush(30), made.stats().adopted)
"""
    with CompletionsAPI() as api:
        assert run(private_home, api, source).split() == ["True", "20"]
        assert arrived(api) == {20: 1}


def test_forks_at_any_moment(private_home: Path) -> None:
    """Forks from a thread, while others record and flush, in the middle of calls: each has its own."""
    source = """
from tests.export.factories import begun
stop = threading.Event()

def record():
    while not stop.is_set():
        keep(made, 1)
        made.flush(0.01)

threads = [threading.Thread(target=record) for _ in range(3)]
for each in threads: each.start()
open_calls = [begun() for _ in range(5)]
for each in open_calls: made.sink.on_start(each)

def fork():
    for _ in range(10):
        child = os.fork()
        if child == 0:
            for each in open_calls: made.sink.on_end(each)
            keep(made, 20)
            made.flush(30)
            os._exit(0)
        os.waitpid(child, 0)

forker = threading.Thread(target=fork)
forker.start(); forker.join()
stop.set()
for each in threads: each.join()
for each in open_calls: made.sink.on_end(each)
"""
    with CompletionsAPI() as api:
        run(private_home, api, source)

        assert arrived(api)[20] >= 10


def test_a_fork_while_the_api_hangs(private_home: Path, tmp_path: Path) -> None:
    """A child forked while the parent's thread waits for an answer has a thread of its own."""
    hangs, ended = tmp_path / "hangs", tmp_path / "ended"
    source = f"""
from pathlib import Path
from tests.processes import until
keep(made, 10)
until(Path({str(hangs)!r}).exists, "the parent's thread waits for an answer")
child = os.fork()
if child == 0:
    keep(made, 20)
    os._exit(0 if made.flush(30) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
Path({str(ended)!r}).touch()
"""

    def hang(exchange: Exchange) -> None:
        hangs.touch()
        until(ended.exists, "the child has ended")
        does.work(exchange)

    with CompletionsAPI() as api:
        api.behave(hang, times=1)
        assert run(private_home, api, source).split() == ["0"]
        assert arrived(api) == {10: 1, 20: 1}


def test_a_fork_from_asyncio(private_home: Path) -> None:
    """A fork inside a running event loop is a fork like any other."""
    source = """
async def main():
    keep(made, 10)
    child = os.fork()
    if child == 0:
        wait_for_company()
        keep(made, 20)
        os._exit(0)
    await asyncio.to_thread(os.waitpid, child, 0)

asyncio.run(main())
"""
    with CompletionsAPI() as api:
        run(private_home, api, source)

        assert arrived(api) == {10: 1, 20: 1}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(private_home: Path, tmp_path: Path, method: str) -> None:
    """Children of multiprocessing deliver their own at their end, without running atexit."""
    script = tmp_path / "pool.py"
    script.write_text(
        HEAD
        + f"""
def work(number):
    keep(made, 10)
    return number

if __name__ == "__main__":
    keep(made, 5)
    context = multiprocessing.get_context("{method}")
    children = [context.Process(target=work, args=(n,)) for n in range(3)]
    for each in children: each.start()
    for each in children: each.join()
    assert [each.exitcode for each in children] == [0, 0, 0]
"""
    )
    with CompletionsAPI() as api:
        script.write_text(script.read_text().replace("{url!r}", repr(api.url)))
        ended = program(private_home, f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
        assert (ended.returncode, ended.stderr) == (0, "")

        assert arrived(api) == {5: 1, 10: 3}


@pytest.mark.parametrize("thread_ends", ["sys.exit(0)", "raise KeyboardInterrupt", "made.exit()"])
def test_the_end_of_the_interpreter_is_quiet(private_home: Path, thread_ends: str) -> None:
    """Records made by other threads while the interpreter ends are kept, and nothing is printed."""
    source = f"""
def record():
    while True:
        keep(made, 1)
        threading.Event().wait(0.0005)

threading.Thread(target=record, daemon=True).start()
keep(made, 50)
try:
    {thread_ends}
except KeyboardInterrupt:
    pass
"""
    with CompletionsAPI() as api:
        for _ in range(2):
            run(private_home, api, source)

        assert len(arrived(api)) > 0


def test_sigterm_with_pythons_default(private_home: Path) -> None:
    """A program that is told to terminate in the middle of its work has left everything in the spool."""
    source = """
import signal
keep(made, 30)
os.kill(os.getpid(), signal.SIGTERM)
"""
    with CompletionsAPI() as api:
        api.behave(does.status(503))
        ended = program(private_home, HEAD.format(url=api.url) + source)
        assert ended.returncode == -15
        api.behave(does.work)
        assert program(private_home, HEAD.format(url=api.url) + NEXT).returncode == 0

        assert arrived(api) == {30: 1}


def test_a_call_in_a_signal_handler(private_home: Path) -> None:
    """A signal handler that makes calls, whatever it interrupts, neither hangs nor loses any."""
    source = """
import signal
depth = 0

def interrupt(*_):
    # Two may interrupt one another. With a timer of its own pace a handler that is slower, on a busy machine,
    # interrupts itself until Python ends the recursion, with an error anywhere in the code below it.
    global depth
    depth += 1
    if depth < 3:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
    keep(made, 1)
    depth -= 1
    signal.setitimer(signal.ITIMER_REAL, 0.001)

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.001)
keep(made, 3000)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(made.stats().captured)
"""
    with CompletionsAPI() as api:
        captured = int(run(private_home, api, source))

        assert captured > 3000
        assert arrived(api) == {captured: 1}


def test_threads_share_one_delivery(private_home: Path) -> None:
    """Records of many threads are numbered without gap or double."""
    source = """
threads = [threading.Thread(target=keep, args=(made, 500)) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
"""
    with CompletionsAPI() as api:
        run(private_home, api, source)

        assert arrived(api) == {4000: 1}
