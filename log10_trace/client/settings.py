"""Where the server is and what it asks for: argument, else environment, else this user's running server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from log10_trace import config, local_server

DEFAULT_URL: Final = "http://127.0.0.1:4680"
"""Where `log10-trace serve` listens unless told otherwise."""

Token: TypeAlias = str | Callable[[], str | None] | None
"""A key, or a function that gives the key of the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to reach the completions API."""

    url: str
    token: Token
    organization: str | None
    timeout: float
    """Seconds."""
    ca_file: Path | None = None
    """The certificates that the server's own is verified with; without it, the usual ones."""

    def headers(self, organization: str | None = None) -> dict[str, str]:
        """The headers of every request; ``organization`` replaces the client's own."""
        token = self.token() if callable(self.token) else self.token
        named = {"X-Log10-Token": token, "X-Log10-Organization": organization or self.organization}
        return {name: value for name, value in named.items() if value}


def resolve_settings(
    *, url: str | None, token: Token, organization: str | None, timeout: float | None
) -> Settings:
    """Settle how to reach the API, as the tracer does.

    Raises:
        ConfigError: a setting cannot be used.
    """
    given = {
        "url": url,
        "token": None if callable(token) else token,
        "organization_id": organization,
        "timeout": timeout,
    }
    settled = config.resolve(given)
    own = local_server.discover()
    address = settled.url or (own.url if own else DEFAULT_URL)
    own_token = own.token if own and own.url == address else None
    return Settings(
        url=address,
        token=token if callable(token) else settled.token or own_token,
        organization=settled.organization_id,
        timeout=settled.timeout,
        ca_file=settled.ca_file,
    )
