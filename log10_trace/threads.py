"""Threads and locks of the operating system, also where gevent or eventlet have replaced Python's.

They replace names in ``_thread`` and ``threading`` at whatever moment the program chooses. Whoever waits for
a lock that was made before stops every greenlet of the thread, and a thread that begins afterwards runs only
while the others let it. So what our own thread shares with the program's comes from a copy of ``_thread``.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any, Final

from log10_trace.unpatched import thread

new_lock: Final[Callable[[], Any]] = thread.allocate_lock
"""Makes a lock that one thread may take and another give back."""
new_reentrant_lock: Final[Callable[[], Any]] = thread.RLock
"""Makes a lock that its thread may take again.

The greenlets of a thread are one to it, so it must not switch to another while holding it.
"""


def start(run: Callable[[], None], name: str) -> None:
    """Run ``run`` on a daemon thread of its own.

    Raises:
        RuntimeError: the interpreter ends, or the system allows no more threads.
    """
    if library_of_greenlets() is not None:
        thread.start_new_thread(run, ())
        return

    def run_to_the_end() -> None:
        try:
            run()
        finally:
            if library_of_greenlets() is not None:
                # It came meanwhile, and the thread has another identity now, by which ``Thread`` removes it.
                threading.current_thread()

    threading.Thread(target=run_to_the_end, name=name, daemon=True).start()


def library_of_greenlets() -> Any:
    """The module ``gevent`` or ``eventlet`` where it has made the program's threads greenlets, else None."""
    starter = _thread.start_new_thread
    if isinstance(starter, BuiltinFunctionType):
        return None
    return sys.modules.get(starter.__module__.partition(".")[0])


def sleep_among_greenlets() -> Callable[[float], object] | None:
    """The sleep that lets the other greenlets of this thread go on; None where threads are no greenlets."""
    return getattr(library_of_greenlets(), "sleep", None)
