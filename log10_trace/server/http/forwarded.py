"""What a reverse proxy states about a request: the scheme, host and client before it, and the path it strips.

Any client can send these headers, so only those of trusted proxies are read.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from log10_trace.errors import SetupError

LOOPBACK_PROXIES: Final = "127.0.0.1,::1"
ROOT_PATH: Final = "log10.root_path"
FORWARDED_HOST: Final = "log10.forwarded_host"
"""Keys of the scope, set by ``ProxyPolicy.resolve``."""

_ROOT_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~@:+-]+)*", re.ASCII)
_SCHEMES: Final = frozenset(("http", "https"))
_ALL: Final = "*"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPolicy:
    """Which proxies are trusted, and under which path the server is reached.

    Attributes:
        networks: The addresses whose headers are read.
        trusts_all: Whether the headers of every address are.
        root_path: The path before every page's own, without a slash at its end; ``X-Forwarded-Prefix``
            replaces it.
        own_segments: First parts of the server's own paths. A root path that begins with one is never
            stripped from a request's path, which may as well be the server's own.
    """

    networks: tuple[Network, ...]
    trusts_all: bool = False
    root_path: str = ""
    own_segments: frozenset[str] = frozenset()

    def resolve(self, scope: Scope) -> Scope:
        """The request as its client made it: scheme, client, and the path without the root path."""
        resolved = {**scope, ROOT_PATH: self.root_path, FORWARDED_HOST: ""}
        client = scope.get("client") or ("", 0)
        if self._trusts(client[0]):
            headers = Headers(scope=scope)
            scheme = _first(headers.get("x-forwarded-proto", "")).lower()
            if scheme in _SCHEMES:
                resolved["scheme"] = scheme
            resolved["client"] = (self._client(headers.getlist("x-forwarded-for")) or client[0], client[1])
            resolved[FORWARDED_HOST] = _first(headers.get("x-forwarded-host", "")).lower()
            prefix = headers.get("x-forwarded-prefix", "").rstrip("/")
            if prefix and _ROOT_PATH.fullmatch(prefix):
                resolved[ROOT_PATH] = prefix
        resolved["path"] = self._strip(scope["path"], resolved[ROOT_PATH])
        return resolved

    def _trusts(self, address: str) -> bool:
        if self.trusts_all:
            return True
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self.networks)

    def _client(self, forwarded_for: Sequence[str]) -> str:
        """The last address that no trusted proxy has: what stands before it, the client may have made up."""
        addresses = [part.strip() for value in forwarded_for for part in value.split(",")]
        return next(
            (address for address in reversed(addresses) if not self._trusts(address)),
            addresses[0] if addresses else "",
        )

    def _strip(self, path: str, root_path: str) -> str:
        if not root_path or _first_segment(root_path) in self.own_segments:
            return path
        return path[len(root_path) :] or "/" if f"{path}/".startswith(f"{root_path}/") else path


def proxy_policy(
    trusted: str = LOOPBACK_PROXIES, root_path: str = "", own_paths: Iterable[str] = ()
) -> ProxyPolicy:
    """The policy for these settings.

    Args:
        trusted: Addresses and networks with commas; ``*`` for all.
        root_path: The path under which the server is reached, such as ``/log10``.
        own_paths: The server's own paths.

    Raises:
        SetupError: a setting cannot be used; the message names it and its value.
    """
    own_segments = frozenset(map(_first_segment, own_paths)) - {""}
    root = root_path.rstrip("/")
    if not _ROOT_PATH.fullmatch(root) or _first_segment(root) in own_segments:
        message = f"--root-path {root_path!r} must be a path such as /log10 that is none of the server's own."
        raise SetupError(message)
    names = [name.strip() for name in trusted.split(",") if name.strip()]
    networks = tuple(_network(name) for name in names if name != _ALL)
    return ProxyPolicy(networks=networks, trusts_all=_ALL in names, root_path=root, own_segments=own_segments)


def _network(name: str) -> Network:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        message = f"--forwarded-allow-ips {name!r} must be an IP address, a network such as 10.0.0.0/8, or *."
        raise SetupError(message) from None


def _first_segment(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]


def _first(value: str) -> str:
    return value.partition(",")[0].strip()
