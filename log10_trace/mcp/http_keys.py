"""The keys of requests over HTTP: each brings one, which the completions API itself accepts or refuses."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import anyio.to_thread
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from log10_trace.client import Log10
from log10_trace.errors import AuthenticationError, Log10Error
from log10_trace.mcp.failures import describe_error
from log10_trace.mcp.key_scopes import describe_wide_scopes

AsgiApp: TypeAlias = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

KEY: Final = "log10_trace.key"
"""Where the scope of a request has its key; None without one, on a server that asks for none."""
_TRUSTED_S: Final = 60.0
"""How long a key is let in without asking again. Each question brings it to the completions API anyway."""
_MAX_KEYS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in."""

    status: int
    message: str


class RequireKey:
    """An application that lets in requests with a key that may read.

    Args:
        app: The application behind it.
        connect: Makes a client of the completions API with a key.
        warn: Told, when a key is first let in, that it may do more than read.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        app: AsgiApp,
        connect: Callable[[str | None], Log10],
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._connect = connect
        self._warn = warn
        self._clock = clock
        self._accepted_at: dict[str, float] = {}
        """When a key was last accepted, by its digest."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Handle a request, or the start and the end of the server."""
        if scope["type"] == "http":
            key = _read_key(scope)
            refusal = await self._check(key)
            if refusal is not None:
                await _send_refusal(send, refusal)
                return
            scope[KEY] = key
            # A session belongs to the key that began it: to others it does not exist.
            scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=_digest(key), scopes=[]))
        await self._app(scope, receive, send)

    async def _check(self, key: str | None) -> Refusal | None:
        """Why the key is not let in; None for one that the completions API accepts."""
        digest = _digest(key)
        accepted_at = self._accepted_at.get(digest)
        if accepted_at is not None and self._clock() - accepted_at < _TRUSTED_S:
            return None
        try:
            is_new = accepted_at is None
            await anyio.to_thread.run_sync(self._try, key, is_new, abandon_on_cancel=True)
        except AuthenticationError as error:
            self._accepted_at.pop(digest, None)
            return Refusal(error.status_code, describe_error(error))
        except Log10Error as error:
            # A session goes on while the API is away: its questions say so one by one.
            return None if accepted_at is not None else Refusal(503, describe_error(error))
        if len(self._accepted_at) >= _MAX_KEYS:
            self._accepted_at.clear()
        self._accepted_at[digest] = self._clock()
        return None

    def _try(self, key: str | None, is_new: bool) -> None:
        with self._connect(key) as client:
            next(client.completions.list(limit=1).pages())
            if is_new and (warning := describe_wide_scopes(client)):
                self._warn(warning)


def _read_key(scope: Mapping[str, Any]) -> str | None:
    """The key in ``X-Log10-Token`` or ``Authorization: Bearer``, as the completions API takes it."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    kind, _, token = headers.get(b"authorization", "").partition(" ")
    bearer = token.strip() if kind.lower() == "bearer" else ""
    return headers.get(b"x-log10-token", "").strip() or bearer or None


def _digest(key: str | None) -> str:
    return hashlib.sha256((key or "").encode("utf-8", "surrogatepass")).hexdigest()


async def _send_refusal(send: Any, refusal: Refusal) -> None:
    body = json.dumps({"error": refusal.message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 401:  # noqa: PLR2004 -- the status that names a way to sign in
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
