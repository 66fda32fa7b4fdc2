"""The addresses of a host name, found before a deadline.

The C library looks names up for as long as its resolver takes, half a minute where no name server answers. So
that happens on a thread of its own, which is waited for only until the deadline.
"""

from __future__ import annotations

import _socket
import encodings.idna  # noqa: F401 -- see below
import os
import socket
import threading
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from log10_trace import threads

# Python imports ``encodings.idna`` when a host name is first looked up, which would be on a thread of ours: a
# child that is forked in the middle of that waits without end for the import.
from log10_trace.export.http.deadline import Deadline

Address: TypeAlias = tuple[int, Any]
"""The family of a socket, and what such a socket connects to."""

_IPV6: Final = 6
_LOOPS: Final = ("gevent", "eventlet")


class _Lookup:
    """One question to the resolver, on a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.found: list[Address] = []
        self.failure: OSError | None = None
        self._asking = threads.new_lock()
        self._asking.acquire()

    def start(self) -> None:
        """Ask, on the thread of the caller where the interpreter begins no other any more.

        The main one does not ask: it is to end, and waiting for it could not be abandoned.
        """
        try:
            threads.start(self._ask, "log10-trace-lookup")
        except RuntimeError:
            if threading.current_thread() is threading.main_thread():
                self.failure = OSError(f"{self.host} is not looked up: the interpreter ends")
                self._asking.release()
            else:
                self._ask()

    def is_over(self, seconds: float) -> bool:
        """Whether the resolver answers within the given seconds."""
        if self._asking.acquire(timeout=seconds):
            self._asking.release()
            return True
        return False

    def _ask(self) -> None:
        try:
            addresses = _resolver()(self.host, self.port, 0, socket.SOCK_STREAM)
            self.found = [(family, address) for family, _, _, _, address in addresses]
        except OSError as error:
            self.failure = error
        except UnicodeError as error:
            self.failure = OSError(f"{self.host} is no host name ({error})")
        finally:
            self._asking.release()


def _resolver() -> Any:
    """The resolver of the program, which may have put its own in the place of Python's.

    Those of gevent and eventlet work only in threads that run their loops: Python's stands in for them.
    """
    function = socket.getaddrinfo
    module = getattr(function, "__module__", None) or ""
    return _socket.getaddrinfo if module.partition(".")[0] in _LOOPS else function


_lookups: dict[tuple[str, int], _Lookup] = {}
"""Those that were not over at their deadline: the next attempt waits for the same one."""
# Their threads are not in the child: no answer would come.
os.register_at_fork(after_in_child=_lookups.clear)


def find_addresses(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The addresses of ``host``, in the order in which they are to be tried.

    Raises:
        OSError: there is none, or none was found before the deadline.
    """
    try:
        family = socket.AF_INET6 if ip_address(host).version == _IPV6 else socket.AF_INET
    except ValueError:
        pass
    else:
        return [(family, (host, port))]
    lookup = _lookups.pop((host, port), None)
    if lookup is None:
        lookup = _Lookup(host, port)
        lookup.start()
    if not lookup.is_over(deadline.remaining_s()):
        _lookups[host, port] = lookup
        raise TimeoutError(f"the name {host} was not found in time")
    if lookup.failure is not None:
        raise lookup.failure
    return lookup.found
