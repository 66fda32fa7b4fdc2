"""The one model API that a proxy passes requests to, and the paths that it has there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from log10_trace.errors import SetupError

_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN_FORM: Final = re.compile(rb"/[\x21-\x7e]*")
_DOT_SEGMENTS: Final = (b".", b"..")


class RefusedTargetError(ValueError):
    """A request whose target is not passed on; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a proxy passes requests to."""

    scheme: str
    host: str
    port: int
    authority: str
    """The value of ``Host``: the port stands in it where it is not the scheme's own."""
    prefix: str
    """The path of the URL without a slash at its end; empty for the root."""

    @property
    def url(self) -> str:
        """The URL, without a slash at its end."""
        return f"{self.scheme}://{self.authority}{self.prefix}"

    def path_for(self, requested: bytes) -> bytes:
        """The path and query to ask for: as the client wrote it, below ``prefix``.

        A client may write the prefix itself or leave it out: with ``https://api.openai.com/v1`` both
        ``/v1/models`` and ``/models`` mean ``/v1/models``.

        Raises:
            RefusedTargetError: it is no path, or it leads out of where it stands.
        """
        if not _ORIGIN_FORM.fullmatch(requested):
            raise RefusedTargetError(
                "The target of a request is a path. Use this address as the base URL of your SDK, not as an "
                "HTTP proxy: requests go to one host alone."
            )
        path = requested.partition(b"?")[0]
        # A backslash is a slash to some servers.
        segments = re.split(rb"[/\\]", unquote_to_bytes(path))
        if any(segment in _DOT_SEGMENTS for segment in segments):
            raise RefusedTargetError("The path has a segment . or .., which is not passed on.")
        prefix = self.prefix.encode("ascii")
        has_prefix = path == prefix or path.startswith(prefix + b"/")
        return requested if has_prefix else prefix + requested


def parse_target(url: str) -> Target:
    """The target that the option ``--to`` names.

    Raises:
        SetupError: it is no such URL; the message says what is wrong.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise _unusable(url, str(error)) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _unusable(url, "it is not a URL such as https://api.openai.com/v1")
    if parts.username is not None or parts.password is not None:
        raise _unusable("***", "it holds a user name or a password; clients send their own keys")
    if parts.query or parts.fragment:
        raise _unusable(url.partition("?")[0], "it has a query or a fragment")
    if not url.isascii() or not _ORIGIN_FORM.fullmatch(parts.path.encode() or b"/"):
        raise _unusable(url, "it holds characters that are not ASCII; write them encoded")
    host = parts.hostname
    shown = f"[{host}]" if ":" in host else host
    own = _PORTS[parts.scheme]
    authority = shown if port in (None, own) else f"{shown}:{port}"
    return Target(parts.scheme, host, port or own, authority, parts.path.rstrip("/"))


def _unusable(url: str, reason: str) -> SetupError:
    return SetupError(f"--to {url} cannot be used: {reason}.")
