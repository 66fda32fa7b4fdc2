"""Allowed hosts and cross-site request checks (Host, Origin, Sec-Fetch-Site).

A browser can be led to this server by any page its user opens: by a name that resolves to 127.0.0.1 after a
first look (DNS rebinding), or by a form posted across sites. Neither can forge these three headers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from log10_trace.server.http.api_errors import ApiError, forbidden

WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 -- recognized, not bound
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
HTTP_PORT = 80
"""Left out of ``Host`` by browsers."""


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """The names under which the server answers.

    Attributes:
        exact: The whole of ``Host``, port included.
        any_port: Names that are right with any port, or none.
        allow_ip_literals: Whether any IP address is right too, as for a server bound to all of them. A page
            cannot be led to an address under a name of its own.
    """

    exact: frozenset[str]
    any_port: frozenset[str]
    allow_ip_literals: bool

    def check(self, headers: Mapping[str, str], *, page: bool, forwarded_host: str = "") -> None:
        """Let the request in, or refuse it.

        Args:
            headers: The request's, names in lower case.
            page: It asks for a page with GET, which a link elsewhere may lead to.
            forwarded_host: The ``Host`` that a trusted proxy replaced, in lower case. It adds an origin and
                no host name: only the proxy's own ``Host`` is allowed.

        Raises:
            ApiError: 421 for a wrong ``Host``, 403 for a request from another site.
        """
        host = headers.get("host", "").lower()
        if not self._admits(host):
            message = "This host name is not allowed. Allow it with --allow-host."
            raise ApiError(421, "wrong_host", message, field="Host")
        origin = headers.get("origin")
        if origin is not None and not _is_own(origin.lower(), host, forwarded_host):
            raise _cross_site_error("Origin")
        site = headers.get("sec-fetch-site", "none")
        followed_link = page and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not followed_link:
            raise _cross_site_error("Sec-Fetch-Site")

    def _admits(self, host: str) -> bool:
        name = _drop_port(host)
        return host in self.exact or name in self.any_port or (self.allow_ip_literals and _is_address(name))


def host_policy_for(bind_host: str, port: int, allowed: Iterable[str] = ()) -> HostPolicy:
    """Host policy of a server that listens on ``bind_host`` and ``port`` and is also known as ``allowed``."""
    everywhere = bind_host in WILDCARDS
    own = [] if everywhere else [f"[{bind_host}]" if ":" in bind_host else bind_host]
    names = [*LOOPBACK_NAMES, *own, *allowed]
    exact = {_add_port(name.lower(), port) for name in names}
    if port == HTTP_PORT:
        exact |= {name.lower() for name in names}
    any_port = {name.lower() for name in allowed if _drop_port(name) == name}
    return HostPolicy(
        frozenset(exact), frozenset(any_port | ({"localhost"} if everywhere else set())), everywhere
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_own(origin: str, *hosts: str) -> bool:
    return any(host and origin in (f"http://{host}", f"https://{host}") for host in hosts)


def _cross_site_error(header: str) -> ApiError:
    return forbidden("cross_origin", "Cross-site requests are refused.", field=header)


def _add_port(name: str, port: int) -> str:
    return name if _drop_port(name) != name else f"{name}:{port}"


def _drop_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
