"""Celery: one session for each task, by Celery's signals."""

from __future__ import annotations

from typing import Any, Final

from celery import signals

from log10_trace import runtime
from log10_trace.context import Scope, current, session, set_current
from log10_trace.guard import guard
from log10_trace.integrations.request_session import is_session_id

__all__ = ["install", "uninstall"]

_HEADER: Final = "log10_session_id"
_BEFORE: Final = "_log10_trace_scope"
_BEGINNING: Final = guard("beginning the session of a task")
_ENDING: Final = guard("ending the session of a task")
_SENDING: Final = guard("sending the session of a task")
_DELIVERING: Final = guard("delivering at the end of a worker process")


def install(*, carry_session: bool = False, flush_timeout: float = 3.0) -> None:
    """Open a session around each task that runs in this process, tagged with the task's name.

    To be called in the module of the application, beside ``patch()``. Prefork workers deliver what waits
    before they end. Calling it again replaces the settings.

    Args:
        carry_session: Whether a task joins the session that is open where it is sent, instead of a new one.
            Both sides need it: the program that sends the task and the worker. The id goes in a header of
            the task; one that is not of 1 to 128 printable ASCII characters without spaces is not taken.
        flush_timeout: The most seconds that the end of a worker process waits for delivery.
    """
    uninstall()
    handlers = _Handlers(carry_session, flush_timeout)
    connected = {
        signals.task_prerun: handlers.on_prerun,
        signals.task_postrun: handlers.on_postrun,
        signals.worker_process_shutdown: handlers.on_shutdown,
    }
    if carry_session:
        connected[signals.before_task_publish] = handlers.on_publish
    for signal, handler in connected.items():
        signal.connect(handler, weak=False)
        _connected.append((signal, handler))


def uninstall() -> None:
    """Open no more sessions around tasks."""
    while _connected:
        signal, handler = _connected.pop()
        signal.disconnect(handler)


_connected: Final[list[tuple[Any, Any]]] = []


class _Handlers:
    """What is called by Celery. The scope before a task is kept on the task's request, which is its own."""

    def __init__(self, carry_session: bool, flush_timeout: float) -> None:
        self._carry_session = carry_session
        self._flush_timeout = flush_timeout

    def on_publish(self, headers: dict[str, Any] | None = None, **_: Any) -> None:
        """A task is about to be sent."""
        with _SENDING:
            found = current().session
            if headers is not None and found is not None:
                headers.setdefault(_HEADER, found.id)

    def on_prerun(self, task: Any, **_: Any) -> None:
        """A task is about to run, on this thread."""
        with _BEGINNING:
            before = current()
            session([task.name], id=self._session_id(task.request, before)).__enter__()
            setattr(task.request, _BEFORE, before)

    def _session_id(self, request: Any, before: Scope) -> str | None:
        if not self._carry_session:
            return None
        # A task that is eager runs where it is sent, without a message.
        if request.is_eager:
            return None if before.session is None else before.session.id
        sent = request.get(_HEADER)
        return sent if is_session_id(sent) else None

    def on_postrun(self, task: Any, **_: Any) -> None:
        """The task has ended, however it did."""
        with _ENDING:
            before = vars(task.request).pop(_BEFORE, None)
            if before is not None:
                set_current(before)

    def on_shutdown(self, **_: Any) -> None:
        """A prefork worker is about to end, without what Python does at the exit of a program."""
        with _DELIVERING:
            runtime.flush(self._flush_timeout)
