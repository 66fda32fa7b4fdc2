"""Whether gevent or eventlet shares this thread among greenlets."""

from __future__ import annotations

import socket
import sys
from typing import Any, Final

_LIBRARIES: Final = ("gevent", "eventlet")


def has_patched_sockets() -> bool:
    """Whether the standard library's sockets are those of gevent or eventlet."""
    return socket.socket.__module__.partition(".")[0] in _LIBRARIES


def is_in_greenlet() -> bool:
    """Whether others wait for this thread, so that what blocks it would stop them.

    A thread that began before the standard library was patched, or around the patch, is a real one and runs
    nothing else.
    """
    greenlet: Any = sys.modules.get("greenlet")
    return greenlet is not None and has_patched_sockets() and greenlet.getcurrent().parent is not None
