"""Nothing is lost: a program that patches and makes no call delivers what dead processes left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.export.spool.inspection import list_pending
from log10_trace.export.spool.spool import Spool
from tests.completions_api import CompletionsAPI, hang, status, work
from tests.processes import DEADLINE_S, environment, program

pytestmark = pytest.mark.promises

KILLED = """
import os
from log10_trace import threads
from log10_trace.export import Delivery
from tests.export.factories import config, keep

threads.start = lambda run, name: None
for _ in range({processes}):
    if os.fork() == 0:
        keep(Delivery(config({url!r}, flush_interval=60, organization_id={organization!r})), 3)
        os._exit(0)
for _ in range({processes}):
    os.wait()
"""
"""Processes that keep three records each and deliver none."""

PATCHES = "import log10_trace, threading; log10_trace.patch()\n"
WAITS = "from log10_trace.export.delivery import delivery\ndelivery.NO_PROGRESS_TIMEOUT_S = 60\n"
"""So that the end of the program does not take a busy machine for a network that does not move."""
NO_THREAD = """
# What it was begun for is done a moment before it has ended.
for each in threading.enumerate()[1:]: each.join(60)
assert [each.name for each in threading.enumerate()] == ['MainThread'], threading.enumerate()
"""
ENDS = {
    "flush": f"print(log10_trace.flush(30)){NO_THREAD}",
    "shutdown": f"print(log10_trace.shutdown(30)){NO_THREAD}",
    "flush after unpatch": "log10_trace.unpatch(); print(log10_trace.flush(30))",
    "shutdown after unpatch": "log10_trace.unpatch(); print(log10_trace.shutdown(30))",
    "the end": "print(True)",
    "the end after an error": "print(True, flush=True); import sys; sys.exit(0)",
    "shutdown at exit": "import atexit; atexit.register(log10_trace.shutdown); print(True)",
    "flush in a fork": "import os\nif os.fork() == 0: os._exit(not log10_trace.flush(30))\n"
    "print(os.wait()[1] == 0)",
    "flush in a thread": "import concurrent.futures as futures\n"
    "print(futures.ThreadPoolExecutor().submit(log10_trace.flush, 30).result())",
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        monkeypatch.setenv("LOG10_URL", api.url)
        yield api


def leave(home: Path, url: str, *, processes: int = 2, organization: str | None = None) -> None:
    ended = program(home, KILLED.format(url=url, processes=processes, organization=organization))
    assert (ended.returncode, ended.stderr) == (0, "")


def ran(home: Path, source: str, **variables: str) -> str:
    ended = program(home, source, **variables)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.strip()


def left(home: Path) -> int:
    return sum(len(each.sequences) for each in list_pending(Spool(home / "spool")))


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_program_without_calls_delivers_it(private_home: Path, api: CompletionsAPI, end: str) -> None:
    """flush(), shutdown() and the end of the program, each of them; no thread is left behind."""
    leave(private_home, api.url)

    assert ran(private_home, WAITS + PATCHES + end, LOG10_EXIT_TIMEOUT="60") == "True"
    assert len(api.times()) == 6
    assert set(api.times().values()) == {1}
    assert left(private_home) == 0


def test_the_end_delivers_it_where_no_thread_begins_any_more(private_home: Path, api: CompletionsAPI) -> None:
    """As in Python 3.12, whose interpreter begins none at its end."""
    refuses = """
import atexit
from log10_trace import threads

def refuse(run, name):
    raise RuntimeError("can't create new thread at interpreter shutdown")

atexit.register(lambda: setattr(threads, "start", refuse))
"""
    leave(private_home, api.url)
    ran(private_home, WAITS + PATCHES + refuses, LOG10_EXIT_TIMEOUT="60")

    assert len(api.times()) == 6
    assert left(private_home) == 0


def test_the_end_takes_more_than_one_request_and_many_folders(
    private_home: Path, api: CompletionsAPI
) -> None:
    """Forty folders are more than are claimed at a time."""
    leave(private_home, api.url, processes=40)
    ran(private_home, WAITS + PATCHES, LOG10_EXIT_TIMEOUT="60")

    assert len(api.times()) == 120
    assert left(private_home) == 0


@pytest.mark.parametrize("behaviour", [hang, status(503), None], ids=["hangs", "503", "down"])
@pytest.mark.parametrize("end", ["flush(0.5)", "shutdown(0.5)", "stats().adopted"])
def test_what_cannot_be_delivered_stays_and_is_not_waited_for(
    private_home: Path, api: CompletionsAPI, behaviour: object, end: str
) -> None:
    """flush() and shutdown() return False, the program ends, and the records wait for another."""
    leave(private_home, api.url)
    if behaviour is None:
        api.down()
    else:
        api.behave(behaviour)  # type: ignore[arg-type]

    assert ran(private_home, f"{PATCHES}print(log10_trace.{end})") in ("False", "0")
    assert left(private_home) == 6

    api.up() if behaviour is None else api.behave(work)
    assert ran(private_home, f"{PATCHES}print(log10_trace.flush(30))") == "True"
    assert len(api.times()) == 6


def test_nothing_is_begun_where_nothing_was_left(private_home: Path, api: CompletionsAPI) -> None:
    """Neither a thread nor a request, nor a folder for the spool."""
    watch = """
from log10_trace import threads
threads.start = lambda *_: print("a thread")
print(log10_trace.flush(), log10_trace.shutdown())
"""
    assert ran(private_home, PATCHES + watch) == "True True"
    assert not api.requests
    assert not private_home.exists()


def test_what_is_bound_elsewhere_or_alive_is_left_alone(private_home: Path, api: CompletionsAPI) -> None:
    """Another organization's records, and those of a process that runs, are nobody else's to deliver."""
    leave(private_home, api.url, organization="another")
    alive = """
from log10_trace.export import Delivery
from tests.export.factories import config, keep
keep(Delivery(config({url!r}, flush_interval=60)), 1)
print("kept")
input()
"""
    command = [sys.executable, "-c", alive.format(url=api.url)]
    env = environment(private_home)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"kept\n"
        assert (
            ran(private_home, PATCHES + "print(log10_trace.flush(), log10_trace.shutdown())") == "True True"
        )
        assert not api.requests
        running.kill()
        running.wait(DEADLINE_S)

    assert left(private_home) == 7


def test_flush_is_true_only_when_what_was_adopted_is_delivered(
    private_home: Path, api: CompletionsAPI
) -> None:
    """Also in a program with records of its own, which has delivered these."""
    leave(private_home, api.url)
    own = """
from log10_trace.runtime import _runtime
from tests.export.factories import keep
keep(_runtime.delivery, 2)
print(log10_trace.flush(30), log10_trace.stats().delivered, log10_trace.stats().adopted)
"""
    assert ran(private_home, PATCHES + own) == "True 2 6"
