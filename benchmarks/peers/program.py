"""The programs of the loss table: ``python -m benchmarks.peers.program PEER PROGRAM API MODEL``.

Each sets a library up, makes a first call that is delivered, says READY and waits for a line: from then on
the API may be down. Then it does what it is named after; END is its last word before the interpreter ends.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, cast

from openai import OpenAI

from benchmarks.peers.questions import WARM_UP, large, small
from benchmarks.peers.recorder import Recorder
from benchmarks.workloads import WORKLOADS, measure

SOME: Final = 50
"""Calls of a short program."""
KILLED_AT: Final = 287
"""Calls after which a program is killed."""
OUTAGE_CALLS: Final = 200
"""Calls during an outage."""
CHILD_CALLS: Final = 20
"""Calls of a forked child."""
LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
SHORT_S: Final = 10
LONG_S: Final = 30
AFTER_OUTAGE_S: Final = 20
"""For how long a program goes on after the outage: longer than the retry delays it led to."""
FORKED_S: Final = 8
"""How long a forked child lives on after its last call: longer than every flush interval."""
HANGING_S: Final = 30
"""When a forked child that should have ended is called hanging, and killed."""


def some(client: OpenAI, _recorder: Recorder) -> None:
    """A few calls."""
    for number in range(SOME):
        ask(client, number)


def healthy(client: OpenAI, recorder: Recorder) -> None:
    """A few calls, all the time the library asks for, and some seconds more."""
    some(client, recorder)
    recorder.flush()
    time.sleep(5)


def killed(client: OpenAI, _recorder: Recorder) -> None:
    """A hundred calls a second, SIGKILL right after the last."""
    paced(client, KILLED_AT, KILLED_AT / 100)
    os.kill(os.getpid(), signal.SIGKILL)


def short_outage(client: OpenAI, _recorder: Recorder) -> None:
    """Calls within a short outage, then a program that goes on."""
    _outage(client, SHORT_S)


def long_outage(client: OpenAI, _recorder: Recorder) -> None:
    """Calls within a long one."""
    _outage(client, LONG_S)


def _outage(client: OpenAI, seconds: float) -> None:
    end = time.monotonic() + seconds + AFTER_OUTAGE_S
    paced(client, OUTAGE_CALLS, seconds * 0.8)
    time.sleep(max(0.0, end - time.monotonic()))


def restarted(_client: OpenAI, _recorder: Recorder) -> None:
    """The next run of a program: it lives for some seconds."""
    time.sleep(5)


def forked(_client: OpenAI, recorder: Recorder) -> None:
    """A child that makes some calls, lives on for some seconds, and ends as a worker process does."""
    child = os.fork()
    if not child:
        twenty(recorder)
        time.sleep(FORKED_S)
        os._exit(0)
    await_child(child, FORKED_S + HANGING_S)


def forked_exits(_client: OpenAI, recorder: Recorder) -> None:
    """A child that makes 20 calls and ends by sys.exit at once."""
    child = os.fork()
    if not child:
        twenty(recorder)
        sys.exit()
    await_child(child, HANGING_S)
    time.sleep(FORKED_S)


def caller(client: OpenAI, recorder: Recorder) -> None:
    """For every line that comes in, a call of 1 MB: says the ms of CPU time that it took this thread."""
    for number, _line in enumerate(sys.stdin):
        messages = large(number)
        begun = time.thread_time()
        client.chat.completions.create(model="gpt-4o", messages=messages)
        say(f"TOOK {(time.thread_time() - begun) * 1000}")
        recorder.flush()


def rounds(client: OpenAI, recorder: Recorder) -> None:
    """For every line, the number of a workload and of calls, a round of them: says what ``measure`` gives."""
    for line in sys.stdin:
        workload, calls = map(int, line.split())
        mine, whole = measure(client, WORKLOADS[workload], calls, recorder.flush)
        say(f"TOOK {mine} {whole}")


PROGRAMS: Final[dict[str, Callable[[OpenAI, Recorder], None]]] = {
    each.__name__: each
    for each in (
        *(healthy, some, killed, short_outage, long_outage, restarted),
        *(forked, forked_exits, caller, rounds),
    )
}


def twenty(recorder: Recorder) -> None:
    """A forked child's calls, on a connection of its own."""
    client = recorder.client(model_url())
    for number in range(CHILD_CALLS):
        ask(client, number)


def await_child(child: int, seconds: float) -> None:
    """Wait for the child's end; kill it and say so when it does not come."""
    deadline = time.monotonic() + seconds
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > deadline:
            say("HANGS")
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.1)


def paced(client: OpenAI, count: int, seconds: float) -> None:
    """So many calls, evenly over so many seconds; a late one does not delay the next."""
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number * seconds / count - time.monotonic()))
        ask(client, number)


def ask(client: OpenAI, number: int) -> None:
    """One call."""
    client.chat.completions.create(model="gpt-4o", messages=small(number))


def say(words: str) -> None:
    """A line to the benchmark; the library may print as well."""
    print(words, flush=True)


def model_url() -> str:
    """Where the model is."""
    return sys.argv[4]


def stay_here(event: str, args: tuple[Any, ...]) -> None:
    """Let nothing leave this machine, and say what would have."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host is not None and host not in LOOPBACK:
        say(f"OUTSIDE {host}")
        raise OSError(f"{host} is not this machine")


def main() -> None:
    """Set up, warm up, and be the program."""
    sys.addaudithook(stay_here)
    module, program, api, _model = sys.argv[1:]
    recorder = cast("Recorder", import_module(f"benchmarks.peers.{module}").record(api))
    client = recorder.client(model_url())
    ask(client, WARM_UP)
    recorder.flush()
    say("READY")
    sys.stdin.readline()
    parent = os.getpid()
    PROGRAMS[program](client, recorder)
    if os.getpid() == parent:
        say("END")


if __name__ == "__main__":
    main()
