"""The addresses of a host name, found before a deadline.

The C library looks names up for as long as its resolver takes, half a minute where no name server answers. So
that happens on a thread of its own, which is waited for only until the deadline.
"""

from __future__ import annotations

import _socket
import encodings.idna  # noqa: F401 -- see below
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

# Python imports ``encodings.idna`` when a host name is first looked up, which would be on a thread of ours: a
# child that is forked in the middle of that waits for ever for the import to end.
from log10_trace.export.deadline import Deadline
from log10_trace.export.greenlets import has_patched_sockets, is_in_greenlet

Address: TypeAlias = tuple[int, Any]
"""The family of a socket, and what such a socket connects to."""

_IPV6: Final = 6


class _Lookup:
    """One question to the resolver, on a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.found: list[Address] = []
        self.failure: OSError | None = None
        self.thread = threading.Thread(target=self.ask, name="log10-trace-lookup", daemon=True)

    def start(self) -> None:
        """Ask, on the thread of the caller where the interpreter starts no other any more."""
        try:
            self.thread.start()
        except RuntimeError:
            self.ask()

    def ask(self) -> None:
        """Ask the resolver."""
        try:
            self.found = _ask_resolver(self.host, self.port, socket.getaddrinfo)
        except OSError as error:
            self.failure = error


_lookups: dict[tuple[str, int], _Lookup] = {}
"""Those that were not over at their deadline: the next attempt waits for the same one."""


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
    if has_patched_sockets() and not is_in_greenlet():
        # A new thread would be a greenlet, and this one would need an event loop for it.
        return _ask_resolver(host, port, _socket.getaddrinfo)
    lookup = _lookups.pop((host, port), None)
    if lookup is None or not lookup.thread.is_alive():
        lookup = _Lookup(host, port)
        lookup.start()
    if lookup.thread.is_alive():
        lookup.thread.join(deadline.left())
    if lookup.thread.is_alive():
        _lookups[host, port] = lookup
        raise TimeoutError(f"the name {host} was not found in time")
    if lookup.failure is not None:
        raise lookup.failure
    return lookup.found


def _ask_resolver(host: str, port: int, getaddrinfo: Callable[..., Any]) -> list[Address]:
    try:
        found = getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is no host name ({error})") from None
    return [(family, address) for family, _, _, _, address in found]
