"""The credentials that a program writes into the body of a request, for the tools and searches of a provider.

Of MCP servers (``authorization``, ``headers``, ``server_url``), of the data sources of Azure
(``authentication``), and of whoever takes an ``api_key`` there. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from log10_trace.instrument.credentials import is_secret_name
from log10_trace.instrument.error_signs import MASK

_NAMES: Final = re.compile(
    r"(.*[_-])?(api[_-]?key|(access|secret|account|subscription)[_-]?key|(access|auth|bearer|refresh|id)[_-]?token"
    r"|(client[_-]?)?secret|password|passwd|authorization|connection[_-]?string)",
    re.IGNORECASE,
)
"""What fields with a credential are called, wherever they stand."""
_AUTHENTICATION: Final = frozenset(("auth", "authentication", "credentials"))
"""Objects in which a ``key`` or a ``token`` is one too."""
_HEADERS: Final = frozenset(("headers", "extra_headers"))
_SERVER_URL: Final = "server_url"
_URL_PARTS: Final = re.compile(r"(?<=://)([^/?#@\s]+)(?=@)|(?<=[?&])([^?=&#\s]+)=([^&#\s]+)")


def mask_body(value: Any) -> Any:
    """The JSON value of a body with ``***`` in the place of the credentials in it, whatever they are."""
    return _walk(value, lambda _: MASK)


def find_in_body(body: bytes) -> list[str]:
    """The credentials in a body; none in one that is not JSON."""
    found: list[str] = []

    def note(secret: str) -> str:
        found.append(secret)
        return secret

    try:
        _walk(json.loads(body), note)
    except (ValueError, RecursionError):
        return []
    return found


def _walk(value: Any, replace: Callable[[str], str], above: str = "") -> Any:
    if isinstance(value, list):
        return [_walk(item, replace, above) for item in value]
    if not isinstance(value, dict):
        return value
    return dict(_walk_fields(value, replace, above))


def _walk_fields(
    fields: dict[str, Any], replace: Callable[[str], str], above: str
) -> Iterator[tuple[str, Any]]:
    for name, item in fields.items():
        if not isinstance(item, str) or not item:
            yield name, _walk(item, replace, name)
        elif _is_credential(name, above):
            yield name, replace(item)
        else:
            yield name, _replace_in_url(item, replace) if name == _SERVER_URL else item


def _is_credential(name: str, above: str) -> bool:
    if above in _HEADERS:
        return is_secret_name(name)
    if above in _AUTHENTICATION and name in ("key", "token"):
        return True
    return _NAMES.fullmatch(name) is not None


def _replace_in_url(url: str, replace: Callable[[str], str]) -> str:
    """The URL with its user and password replaced, and what its query has under a name of credentials."""

    def change(match: re.Match[str]) -> str:
        user, name, value = match.groups()
        if user:
            return replace(user)
        return f"{name}={replace(value)}" if is_secret_name(name) else match[0]

    return _URL_PARTS.sub(change, url)
