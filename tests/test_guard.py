"""Our own faults never reach the user's program."""

from __future__ import annotations

import ast
import enum
import functools
import io
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import log10_trace
from log10_trace.guard import ErrorCounter, faults, guard, log_rate_limited, logger
from log10_trace.server.http.middleware import access_log
from tests.processes import program


def test_a_fault_is_counted_logged_and_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    """An exception inside a guard does not leave it; it is counted, and logged with its kind and place."""
    with guard("sorting the socks"):
        raise ValueError

    assert faults.counts()["sorting the socks"] == 1
    assert "error while sorting the socks: ValueError" in caplog.text
    assert "test_guard.py" in caplog.text


def test_a_fault_is_logged_without_words_of_the_program(caplog: pytest.LogCaptureFixture) -> None:
    """An exception's message may repeat a prompt, and so may the one before it: neither is told."""
    said = "the secret plan"
    try:
        float(said)
    except ValueError:
        with guard("keeping words to ourselves"):
            int(said)

    assert "keeping words to ourselves: ValueError" in caplog.text
    assert said not in caplog.text


def test_a_fault_of_the_system_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    """What the system says names a file or a reason, and helps."""
    with guard("opening a file that is not there"):
        Path("/no/such/file").read_text()

    assert "/no/such/file" in caplog.text


def test_the_same_fault_is_logged_once_a_minute() -> None:
    """Faults of one kind are due for the log when a minute has passed since the last one logged."""
    counted = ErrorCounter()

    due = [counted.add("x", now) for now in (0.0, 30.0, 61.0, 62.0)]

    assert due == [True, False, True, False]
    assert counted.counts() == {"x": 4}


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_not_a_fault_passes(leaving: type[BaseException]) -> None:
    """Interrupts and exits are the program's own and pass through a guard."""
    with pytest.raises(leaving), guard("anything"):
        raise leaving


class TimeLimit:
    """Handlers of signals as programs write them; each raises."""

    def method(self, *_: object) -> None:
        """Raise, bound to an object."""
        raise TimeoutError

    __call__ = method


def _with_note(_note: str, *_: object) -> None:
    raise TimeoutError


def _once(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise TimeoutError


@pytest.mark.parametrize(
    "handler",
    [
        lambda *_: next(iter(())),
        TimeLimit().method,
        TimeLimit(),
        functools.partial(_with_note, "late"),
        _once,
    ],
    ids=["function", "method", "object", "partial", "of one signal"],
)
def test_what_a_signal_handler_raises_passes(handler: Any) -> None:
    """A time limit of the program that is up inside of a block of ours is no fault of ours."""
    counted = faults.counts()
    before = signal.signal(signal.SIGUSR2, handler)
    try:
        with pytest.raises((TimeoutError, StopIteration)), guard("taking long"):
            signal.raise_signal(signal.SIGUSR2)
        with guard("going on"):
            raise TimeoutError
    finally:
        signal.signal(signal.SIGUSR2, before)

    assert faults.counts() == {**counted, "going on": counted.get("going on", 0) + 1}


class Role(enum.Enum):
    """The roles that a program knows."""

    USER = "user"


@functools.lru_cache
def _role(name: str) -> Role:
    return Role(name)


@pytest.mark.parametrize("look_up", [Role, _role, lambda name: TimeLimit().method(len(name), name)])
def test_what_a_signal_handler_would_raise_is_kept(look_up: Callable[[str], object]) -> None:
    """What runs without a signal is no handler: not what a program calls itself, nor what ``signal`` uses."""
    counted, before = faults.counts(), signal.signal(signal.SIGUSR2, TimeLimit().method)
    try:
        with guard("looking up a role"):
            look_up("developer")
    finally:
        signal.signal(signal.SIGUSR2, before)

    assert faults.counts()["looking up a role"] == counted.get("looking up a role", 0) + 1


def test_a_log_that_raises_ends_nothing() -> None:
    """A filter or a handler of the program's log may raise: what we say is lost, and the call is not."""

    class Strict(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            raise AssertionError("nothing is to be logged here")

    strict = Strict()
    logger.addHandler(strict)
    try:
        with guard("falling over the log"):
            raise ValueError
        log_rate_limited("the log is strict")
    finally:
        logger.removeHandler(strict)

    assert faults.counts()["falling over the log"] == 1


def test_a_warning_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The same message is logged once a minute, whatever its arguments."""
    for number in range(3):
        log_rate_limited("%d socks are missing", number)

    assert [record.getMessage() for record in caplog.records] == ["0 socks are missing"]


@pytest.fixture
def listening() -> Iterator[tuple[logging.StreamHandler[io.StringIO], logging.StreamHandler[io.StringIO]]]:
    """Two handlers of the root logger, the first for warnings alone."""
    root = logging.getLogger()
    handlers = logging.StreamHandler(io.StringIO()), logging.StreamHandler(io.StringIO())
    handlers[0].setLevel(logging.WARNING)
    for each in handlers:
        root.addHandler(each)
    yield handlers
    for each in handlers:
        root.removeHandler(each)


@pytest.mark.parametrize("said_by", [logger, access_log], ids=["log10_trace", "log10_trace.access"])
@pytest.mark.parametrize("closed", [0, 1])
def test_a_stream_that_was_closed_costs_no_traceback(
    listening: tuple[logging.StreamHandler[io.StringIO], ...],
    capsys: pytest.CaptureFixture[str],
    said_by: logging.Logger,
    closed: int,
) -> None:
    """What we log reaches the handlers that are open, once and by their level, and no other."""
    listening[closed].stream.close()
    said_by.warning("one thing")
    said_by.error("another")
    listening[1 - closed].setLevel(logging.ERROR)
    said_by.warning("too low")

    assert listening[1 - closed].stream.getvalue() == "one thing\nanother\n"
    assert "Logging error" not in capsys.readouterr().err


ENDS_WITHOUT_A_LOG = """
import atexit, io, logging, sys
import log10_trace
log10_trace.patch(url="http://127.0.0.1:9", redact=lambda record: record)
from log10_trace.runtime import _runtime
from tests.export.factories import keep
stream = {stream}
logging.basicConfig(stream=stream, level=logging.DEBUG)
keep(_runtime.delivery, 1)
stream.close()
from log10_trace.guard import guard
def fail():
    with guard("ending in a test"):
        raise OSError("a fault of ours")
atexit.register(fail)
fail()
{more}
"""


@pytest.mark.parametrize("stream", ["io.StringIO()", "open('/dev/null', 'w')", "open(1, 'w', closefd=False)"])
@pytest.mark.parametrize("more", ["", "log10_trace.shutdown()", "raise SystemExit"])
def test_a_program_that_has_closed_its_log_ends_without_a_word(
    private_home: Path, stream: str, more: str
) -> None:
    """Whatever our thread, the faults and the end of the program have to say by then."""
    ended = program(private_home, ENDS_WITHOUT_A_LOG.format(stream=stream, more=more))

    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_other_module_keeps_an_exception_of_any_kind() -> None:
    """Only those that the module's docstring names catch one without raising it, or another."""
    root = Path(log10_trace.__file__).parent
    keeping = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not (_raises(node) or _guards(node))
    }
    stores = {
        "server/store/common/group_commit.py",
        "server/store/sqlite/deletion.py",
        "server/store/postgres/housekeeping.py",
    }
    answering = {"mcp/server.py", "proxy/exchange.py", "cli/forwarding.py"}
    # ``redact.apply`` and the guard itself raise what a signal handler has raised.
    assert keeping == {"context.py", *stores, *answering}


def _catches_all(handler: ast.ExceptHandler) -> bool:
    names = {"Exception", "BaseException"}
    caught = handler.type
    return caught is None or any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(caught))


def _guards(handler: ast.ExceptHandler) -> bool:
    """Whether all that it does is to hand the exception to a guard."""
    match handler.body:
        case [ast.Expr(ast.Call(ast.Attribute(attr="keep"), [ast.Name(name)]))]:
            return name == handler.name
    return False


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))
