"""Nothing is lost and nothing hangs where gevent comes before patch(), after it, or after a fork."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.cli.simulated_model import MODEL, simulated_model
from tests.completions_api import CompletionsAPI, hang, work
from tests.processes import DEADLINE_S, program, until
from tests.promises.test_servers import APP, is_up, reserved_port, running

pytest.importorskip("gevent")
pytestmark = [pytest.mark.promises, pytest.mark.slow]

PATCH = "import log10_trace; log10_trace.patch()\n"
MONKEY = "from gevent import monkey; monkey.patch_all()\n"
CALL = f"""
import openai
client = openai.OpenAI(max_retries=0)
asked = dict(model={MODEL!r}, messages=[{{"role": "user", "content": "hi"}}])
ask = lambda *_: client.chat.completions.create(**asked)
"""
JOBS = """
import gevent
gevent.joinall([gevent.spawn(ask) for _ in range(5)], raise_error=True)
"""
FORK = """
import os, sys
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
PROCESSES = """
import multiprocessing
context = multiprocessing.get_context("fork")

def ask_anew():
    # Each on a connection of its own: the parent's is one, and the answers on it go to whoever reads first.
    openai.OpenAI(max_retries=0).chat.completions.create(**asked)

children = [context.Process(target=ask_anew) for _ in range(2)]
for each in children:
    each.start()
for each in children:
    each.join()
"""
POOL = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    list(pool.map(ask, range(5)))
"""
ORDERS = {
    "gevent, then patch()": (MONKEY + PATCH + CALL + JOBS, 5),
    "patch(), then gevent": (PATCH + MONKEY + CALL + JOBS, 5),
    "the SDK, patch(), then gevent": (CALL + PATCH + MONKEY + JOBS, 5),
    "a call, then gevent": (PATCH + CALL + "ask()\n" + MONKEY + CALL + JOBS, 6),
    "a call that was delivered, then gevent": (
        PATCH + CALL + "ask(); assert log10_trace.flush(30)\n" + MONKEY + CALL + JOBS, 6,
    ),
    "gevent, then a fork": (MONKEY + PATCH + FORK + CALL + JOBS, 5),
    "patch(), a fork, then gevent": (PATCH + FORK + MONKEY + CALL + JOBS, 5),
    "a call, a fork, then gevent": (PATCH + CALL + "ask()\n" + FORK + MONKEY + CALL + JOBS, 6),
    "a fork from a greenlet": (
        MONKEY + PATCH + CALL + "import gevent\nask()\ndef run():" + FORK.replace("\n", "\n    ")
        + "\n    ask()\ngevent.spawn(run).get()\n", 2,
    ),
    "patch(), then gevent, then children": (PATCH + MONKEY + CALL + "ask()\n" + PROCESSES, 3),
    "patch(), then gevent, then a pool of threads": (PATCH + MONKEY + CALL + POOL, 5),
    "patch() in a greenlet": (
        MONKEY + "import gevent, log10_trace; gevent.spawn(log10_trace.patch).get()\n" + CALL + JOBS, 5,
    ),
    "gevent without threads": (PATCH + MONKEY.replace("()", "(thread=False)") + CALL + JOBS, 5),
}  # fmt: skip


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An endpoint that the programs ask."""
    with simulated_model() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        yield


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        monkeypatch.setenv("LOG10_URL", api.url)
        yield api


def ran(home: Path, source: str) -> str:
    ended = program(home, "import warnings; warnings.simplefilter('ignore')\n" + source)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.strip()


@pytest.mark.usefixtures("patient_ends")
@pytest.mark.parametrize(("source", "records"), ORDERS.values(), ids=ORDERS.keys())
def test_the_program_ends_and_its_records_arrive(
    private_home: Path, api: CompletionsAPI, model: None, source: str, records: int
) -> None:
    """Whenever gevent came, and whoever forked: every call's record is there once, and the program ends."""
    ran(private_home, source)

    assert len(api.times()) == records
    assert set(api.times().values()) == {1}


@pytest.mark.parametrize("order", ["gevent, then patch()", "patch(), then gevent", "a call, then gevent"])
def test_the_end_is_bounded_where_nobody_answers(
    private_home: Path, api: CompletionsAPI, model: None, order: str
) -> None:
    """An API that hangs holds up no program with greenlets; its records wait for the next one."""
    api.behave(hang)
    source, records = ORDERS[order]
    ran(private_home, source)
    api.behave(work)
    ran(private_home, PATCH + CALL + "ask(); assert log10_trace.flush(30)")

    assert len(api.times()) == records + 1


IN_THE_SAME_THREAD = """
import json, zlib, gevent
from gevent.server import StreamServer

taken = []

def answer(connection, address):
    # In the thread of the greenlet that waits: it gets here only if that lets go of it.
    file = connection.makefile("rwb")
    file.readline()
    headers = dict(line.decode().lower().strip().split(": ", 1) for line in iter(file.readline, b"\\r\\n"))
    body = file.read(int(headers["content-length"]))
    body = zlib.decompress(body, 31) if headers.get("content-encoding") == "gzip" else body
    ids = [json.loads(line)["id"] for line in body.splitlines()]
    taken.extend(ids)
    said = json.dumps({{"results": [{{"id": each, "status": 201}} for each in ids]}}).encode()
    head = "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(said)
    file.write(head.encode() + said)
    file.flush()

server = StreamServer(("127.0.0.1", 0), answer)
server.start()
log10_trace.patch(url="http://{host}:%d" % server.server_port)
ask()
print({wait}, len(taken))
"""


@pytest.mark.usefixtures("patient_ends")
@pytest.mark.parametrize("heads", [MONKEY + PATCH, PATCH + MONKEY], ids=["gevent first", "patch() first"])
@pytest.mark.parametrize(
    ("wait", "host"),
    [
        ("log10_trace.flush(30)", "127.0.0.1"),
        ("gevent.spawn(log10_trace.flush, 30).get()", "localhost"),
        ("log10_trace.shutdown(30)", "localhost"),
        ("gevent.spawn(log10_trace.shutdown, 30).get()", "127.0.0.1"),
    ],
)
@pytest.mark.usefixtures("api", "model")
def test_other_greenlets_go_on_while_one_waits(private_home: Path, heads: str, wait: str, host: str) -> None:
    """flush() and shutdown(), in a greenlet or in the main one, do not stop those that they wait for."""
    source = heads + CALL + IN_THE_SAME_THREAD.format(wait=wait, host=host)

    assert ran(private_home, source) == "True 1"


A_LOCK_IS_STUCK = """
from log10_trace.runtime import _runtime
held = allocate_lock()
held.acquire()

def hold():
    _runtime.delivery.sink.monitor.lock.acquire()
    held.release()

ask()
log10_trace.flush(30)
start(hold, ())
held.acquire()
print(log10_trace.{wait}, flush=True)
"""


@pytest.mark.parametrize("monkey", ["", MONKEY], ids=["threads", "gevent"])
@pytest.mark.parametrize("wait", ["stats", "shutdown(0.1)"])
def test_the_end_is_bounded_whoever_holds_the_lock(
    private_home: Path, api: CompletionsAPI, model: None, monkey: str, wait: str
) -> None:
    """A thread that holds our lock for ever holds up neither shutdown() nor the end of the program."""
    start = "from _thread import allocate_lock, start_new_thread as start\n"
    said = ran(private_home, start + PATCH + monkey + CALL + A_LOCK_IS_STUCK.format(wait=wait))

    assert said == "False" or wait == "stats"


def test_no_thread_of_ours_is_a_greenlet(private_home: Path, api: CompletionsAPI, model: None) -> None:
    """A program that lets no greenlet run, as a long computation does, is delivered for all the same."""
    busy = """
ask()
from log10_trace.runtime import _runtime
while not log10_trace.stats().delivered:
    pass
from gevent._hub_local import get_hub_if_exists
print(log10_trace.stats().delivered)
"""
    assert ran(private_home, MONKEY + PATCH + CALL + busy) == "1"


@pytest.mark.usefixtures("patient_ends")
def test_gunicorn_with_gevent_and_preload(
    api: CompletionsAPI, private_home: Path, tmp_path: Path, model: None
) -> None:
    """Workers that monkey-patch after the fork answer, deliver, and end by themselves when told to."""
    pytest.importorskip("gunicorn")
    (tmp_path / "app.py").write_text(APP)
    command = ("gunicorn", "app:wsgi", "-k", "gevent", "--preload", "--workers", "2")
    options = ("--graceful-timeout", "20", "--bind")
    with (
        reserved_port() as port,
        running(
            private_home, tmp_path, *command, *options, f"127.0.0.1:{port}", LOG10_URL=api.url
        ) as process,
    ):
        until(lambda: is_up(f"http://127.0.0.1:{port}"), "the server is up")
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    log = (tmp_path / "log").read_text()

    assert api.times()
    assert set(api.times().values()) == {1}
    assert not re.search("SIGKILL|WORKER TIMEOUT|Traceback", log)
