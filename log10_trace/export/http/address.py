"""The URL of a server or a proxy, taken apart as a connection needs it.

Not ``httpx.URL``: a program whose SDK has another HTTP library would load a second one for it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote, urlsplit

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SAFE: Final = "/%:@!$&'()*+,;=~"
"""Stands in a path as it is; ``%`` because a path may be quoted already."""


class Address:
    """A URL of one of the schemes that connections know: http, https, socks5, socks5h."""

    __slots__ = ("authority", "host", "netloc", "password", "path", "port", "scheme", "username")

    def __init__(self, url: str) -> None:
        """Take ``url`` apart.

        Raises:
            OSError: its host or its port is none.
        """
        # What Python says of such a URL quotes it, and a password with a # or a / stands where a port would.
        try:
            parts = urlsplit(url)
        except ValueError:
            raise OSError("a URL that begins with a host was expected") from None
        self.scheme: str = parts.scheme
        self.host: str = _encode_host(parts.hostname or "")
        """In ASCII, without the brackets of an IPv6 address."""
        try:
            named = parts.port
        except ValueError:
            message = f"{self.scheme}://{self.host}: the port is no number from 0 to 65535"
            raise OSError(message) from None
        default = _PORTS.get(self.scheme)
        self.port: int = named or default or 0
        """The default of the scheme where the URL names none; 0 for a scheme that connections do not know."""
        in_brackets = f"[{self.host}]" if ":" in self.host else self.host
        self.authority: str = f"{in_brackets}:{self.port}"
        """Host and port, without user and password."""
        self.netloc: str = in_brackets if self.port == default else self.authority
        """As ``authority``, but without the port where it is the default."""
        self.path: str = quote(parts.path or "/", safe=_SAFE)
        self.username: str = unquote(parts.username or "")
        self.password: str = unquote(parts.password or "")

    @property
    def is_known(self) -> bool:
        """Whether connections know its scheme."""
        return self.scheme in _PORTS

    def __str__(self) -> str:
        """Its beginning, as a message may show it: without user, password and path."""
        return f"{self.scheme}://{self.netloc}"


def _encode_host(host: str) -> str:
    if host.isascii():
        return host
    # Every HTTP library that the SDK uses depends on it; ``prepare_for`` has imported it before a thread of
    # ours comes here.
    import idna  # noqa: PLC0415 -- nearly all names are ASCII

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise OSError(f"{host!r} is not the name of a host ({error})") from None
