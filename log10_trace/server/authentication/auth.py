"""Authentication and authorization: from an API key or a session cookie to a ``Principal``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NoReturn, ParamSpec, TypeVar

from log10_trace.domain.keys import Key, Scope, matches, split_token
from log10_trace.server.authentication.session_cookie import SessionCookie, make_cookie, read_cookie
from log10_trace.server.http.api_errors import ApiError, forbidden
from log10_trace.server.store.protocol import Keys

COOKIE: Final = "log10_session"
SESSION_S: Final = 7 * 24 * 3600
"""Lifetime of a page session, in seconds."""

KEY_CACHE_MS: Final = 5_000
"""How long a key once looked up is trusted: a revocation takes effect within five seconds."""

_TRUSTED_KEYS: Final = 10_000
KEY_THREADS: Final = 2
"""Threads that look up keys and page sessions, and do nothing else."""

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Principal:
    """What the holder of a good key may do, and with whose records."""

    key_id: str
    organization_id: str
    scopes: frozenset[Scope]
    is_page_session: bool = False
    """Whether a cookie said so, and no key."""

    def has_scope(self, *wanted: Scope) -> bool:
        """Whether one of the scopes is held; ``admin`` holds them all."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(wanted)

    def require_scope(self, wanted: tuple[Scope, ...]) -> None:
        """Refuse a key that has none of the scopes."""
        if not self.has_scope(*wanted):
            named = " or ".join(scope.value for scope in wanted)
            raise forbidden("wrong_scope", f"This needs a key with the scope {named}.")

    def refuse_organization(self) -> NoReturn:
        """Refuse a request that names another organization."""
        message = "The organization does not match the key."
        raise forbidden("wrong_organization", message, field="organization_id")


class Authenticator:
    """Finds the principal of a request. Used on the event loop only.

    Args:
        keys: Where the keys are kept.
        anonymous: The principal of a request without a key, on a server that was told to ask for none.
        clock: Seconds since 1970.
    """

    def __init__(
        self, keys: Keys, anonymous: Principal | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._anonymous = anonymous
        self._clock = clock
        self._key_cache: dict[str, tuple[int, Key]] = {}
        self._pending: dict[str, asyncio.Future[Key | None]] = {}
        self._threads = ThreadPoolExecutor(KEY_THREADS, thread_name_prefix="log10-trace-keys")

    async def authenticate(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Principal:
        """The principal that sent these headers and cookies.

        Raises:
            ApiError: 401 without a good key, 403 when the headers name another organization.
        """
        token = headers.get("x-log10-token") or _bearer(headers.get("authorization", ""))
        principal = None
        if token:
            principal = await self.authenticate_token(token)
        else:
            principal = await self._of_cookies(cookies)
        principal = principal or self._anonymous
        if principal is None:
            said = (
                "The key is unknown, revoked or expired."
                if token
                else "An API key is required in X-Log10-Token."
            )
            raise ApiError(401, "unauthorized", said, headers={"WWW-Authenticate": "Bearer"})
        for name in ("x-log10-organization", "x-log10-organization-id"):
            if headers.get(name, "") not in ("", principal.organization_id):
                principal.refuse_organization()
        return principal

    async def authenticate_token(self, token: str) -> Principal | None:
        """The principal of a key; none for a key that is unknown, wrong, revoked or expired."""
        parts = split_token(token)
        if parts is None:
            return None
        key = await self._find(parts[0])
        if key is None or not matches(parts[1], key):
            return None
        return self._authorize(key)

    async def authenticate_cookie(self, cookie: str) -> Principal | None:
        """The principal of a page session; None once it has expired, signed out, or lost its key."""
        found = await self._session(cookie)
        if found is None:
            return None
        session, key = found
        if await self._ask(self._keys.is_page_session_revoked, key.organization_id, session.id):
            return None
        principal = self._authorize(key)
        return principal and replace(principal, is_page_session=True)

    async def sign_out(self, cookie: str) -> None:
        """End the session of the cookie on every server of this database; other text changes nothing."""
        found = await self._session(cookie)
        if found is not None:
            session, key = found
            expires, now = session.expires_ms, self._now_ms()
            pending = self._keys.revoke_page_session(
                key.organization_id, session.id, expires_at_ms=expires, now_ms=now
            )
            await asyncio.wrap_future(pending)

    async def session_cookie(self, principal: Principal) -> str | None:
        """A cookie for the page, good for ``SESSION_S``; none when the key is not valid any more."""
        key = await self._find(principal.key_id)
        now_ms = self._now_ms()
        if key is None or not key.is_valid(now_ms):
            return None
        return make_cookie(key, now_ms + SESSION_S * 1000)

    async def find_key(self, principal: Principal) -> Key | None:
        """The key that the principal holds; None once the database has none of its id."""
        return await self._find(principal.key_id)

    def clear_cache(self) -> None:
        """Look every key up again before it is trusted."""
        self._key_cache.clear()

    async def _of_cookies(self, cookies: Mapping[str, str]) -> Principal | None:
        for name, cookie in cookies.items():
            if name.startswith(COOKIE) and (principal := await self.authenticate_cookie(cookie)):
                return principal
        return None

    async def _session(self, cookie: str) -> tuple[SessionCookie, Key] | None:
        """The session and its key, if this database's servers made the cookie and it has not expired."""
        session = read_cookie(cookie)
        if session is None or session.expires_ms <= self._now_ms():
            return None
        key = await self._find(session.key_id)
        return (session, key) if key is not None and session.is_signed_by(key) else None

    async def _find(self, key_id: str) -> Key | None:
        if not (key_id.isascii() and key_id.isalnum()):
            return None
        until, key = self._key_cache.get(key_id, (0, None))
        if key is not None and self._now_ms() < until:
            return key
        # Concurrent requests share one look-up: while the store is away, each occupies a thread for seconds.
        pending = self._pending.get(key_id)
        if pending is None:
            pending = self._pending[key_id] = asyncio.ensure_future(self._look_up(key_id))
            pending.add_done_callback(partial(self._forget_pending, key_id))
        return await asyncio.shield(pending)

    async def _look_up(self, key_id: str) -> Key | None:
        key = await self._ask(self._keys.find, key_id)
        if key is not None:
            if len(self._key_cache) >= _TRUSTED_KEYS:
                self._key_cache.clear()
            self._key_cache[key_id] = (self._now_ms() + KEY_CACHE_MS, key)
        return key

    def _forget_pending(self, key_id: str, pending: asyncio.Future[Key | None]) -> None:
        del self._pending[key_id]
        if not pending.cancelled():
            pending.exception()  # every waiter receives it; without waiters it needs no warning

    async def _ask(self, read: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        """Ask the store on a thread that nothing but the look-ups of keys and sessions uses."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(read, *args, **kwargs))

    def _authorize(self, key: Key) -> Principal | None:
        now_ms = self._now_ms()
        if not key.is_valid(now_ms):
            return None
        self._keys.touch(key.organization_id, key.id, now_ms=now_ms)
        return Principal(key.id, key.organization_id, key.scopes)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _bearer(authorization: str) -> str:
    kind, _, token = authorization.partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
