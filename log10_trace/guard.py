"""Internal faults: counted, logged once a minute, never raised into the user's program.

``with guard("what we were doing"):`` is how an exception of any kind is kept from the caller, and ``try``
with ``guard.keep`` where every call of the SDK passes. Seven other places keep one: ``redact.apply``, because
an exception of the redactor decides what of the record is kept, the threads that commit and, in SQLite,
delete, which hand it to the future of the work, as the thread of ``forward`` does to its batch, PostgreSQL's
recount, which then counts the records one by one, the MCP server, where one question fails and not the
server, and the proxy where no connection to the API comes about, as its client is told. ``context`` throws
one that reaches a generator's caller into the generator. The wrappers of the SDK and cleanup code also catch
every exception, and raise it, or one of ours that says what is wrong.

An exception that a signal handler of the program raises in the middle of our code is the program's own: a
time limit. It passes.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import os
import traceback
from collections import Counter
from types import FrameType, TracebackType

from log10_trace import threads
from log10_trace.unpatched import time


class OpenStreams(logging.Filter):
    """Has what a logger says reach only the handlers whose stream is open.

    Our thread, and the end of the program, log when the program, or its test runner, may have closed theirs:
    the handler would then write a traceback to the standard error, whatever else listens.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether all handlers are to have the record; where not, those that can have it by now."""
        handlers = _handlers_of(logging.getLogger(record.name))
        able = [each for each in handlers if not _has_closed_stream(each)]
        if len(able) == len(handlers):
            return True
        for handler in able:
            if record.levelno >= handler.level:
                handler.handle(record)
        return False


def _handlers_of(named: logging.Logger) -> list[logging.Handler]:
    """The handlers of a logger and of those above it that hear it as well."""
    found: list[logging.Handler] = []
    above: logging.Logger | None = named
    while above is not None:
        found += above.handlers
        above = above.parent if above.propagate else None
    return found


def _has_closed_stream(handler: logging.Handler) -> bool:
    return getattr(getattr(handler, "stream", None), "closed", False) is True


logger = logging.getLogger("log10_trace")
logger.addHandler(logging.NullHandler())
logger.addFilter(OpenStreams())

LOG_EVERY_S = 60.0


class ErrorCounter:
    """Counts faults by what we were doing, and says when one is due to be logged.

    Safe to use from any thread.
    """

    def __init__(self) -> None:
        # Reentrant: the garbage collector may end a call, and meet a fault, on a thread that holds it.
        self._lock = threads.new_reentrant_lock()
        os.register_at_fork(after_in_child=self._renew)
        self._counts: Counter[str] = Counter()
        self._logged_at: dict[str, float] = {}

    def _renew(self) -> None:
        """In a forked child: the lock may have been held by a thread that is not there any more."""
        self._lock = threads.new_reentrant_lock()

    def counts(self) -> dict[str, int]:
        """How often each thing went wrong since the process began."""
        with self._lock:
            return dict(self._counts)

    def add(self, doing: str, now: float) -> bool:
        """Count one fault; true when none of its kind was logged in the last minute."""
        with self._lock:
            self._counts[doing] += 1
            due = now - self._logged_at.get(doing, -LOG_EVERY_S) >= LOG_EVERY_S
            if due:
                self._logged_at[doing] = now
            return due


faults = ErrorCounter()


class guard:  # noqa: N801 -- reads as a statement: with guard("..."):
    """Keep a fault of ours from the caller: count it, log it at most once a minute.

    Only ``Exception`` is kept back; ``KeyboardInterrupt``, ``SystemExit``, cancellation and what a signal
    handler raises pass. One object serves any number of blocks and threads: where every call of the SDK
    passes, it is made once.
    """

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception) or is_from_signal_handler(error):
            return False
        self.keep(error)
        return True

    def keep(self, error: Exception) -> None:
        """Do what the block does with an exception, for code that has caught it itself.

        A ``try`` that nothing is raised in costs a thirtieth of a ``with``: so it is done where every call of
        the SDK passes. What a signal handler has raised is raised again.
        """
        if is_from_signal_handler(error):
            raise error
        if faults.add(self._doing, time.monotonic()):
            where = "".join(traceback.format_tb(error.__traceback__))
            what = (self._doing, _describe_error(error), where)
            _log(logging.ERROR, "log10_trace: error while %s: %s\n%s", what)


def is_from_signal_handler(error: BaseException) -> bool:
    """Whether a signal handler of the program has raised it, in the middle of the code that has caught it."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(_handles_signal(inner, outer) for outer, inner in itertools.pairwise(frames))


def _handles_signal(frame: FrameType, interrupted: FrameType) -> bool:
    """Whether a frame was called as handlers are: with a number and the frame that it interrupts.

    What is registered as a handler does not tell: one may have set another before it raises.
    """
    code, found = frame.f_code, frame.f_locals
    arguments = [found.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & inspect.CO_VARARGS:
        arguments += found.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount], ())
    return any(
        type(number) is int and value is interrupted for number, value in itertools.pairwise(arguments)
    )


def _describe_error(error: Exception) -> str:
    """What went wrong, without an exception's own words or its context: a prompt may stand in them."""
    return f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__


_said = ErrorCounter()


def log_rate_limited(message: str, *args: object, level: int = logging.WARNING) -> None:
    """Log ``message % args`` unless the same message was logged in the last minute."""
    if _said.add(message, time.monotonic()):
        _log(level, message, args)


def _log(level: int, message: str, args: tuple[object, ...]) -> None:
    try:
        logger.log(level, message, *args)
    except Exception as error:
        # A handler or a filter of the program: what we say is not to end the call that it is said of.
        if is_from_signal_handler(error):
            raise
