"""Reads that every open page asks for when something changes: made once for all that ask for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

from starlette.responses import Response

MAX_AGE_S: Final = 1.0
"""How old a shared response may be where nothing changes: a span such as the last hour moves on by itself."""
_MAX_HELD: Final = 64

Key = tuple[str, ...]
"""What the response depends on besides the position: the organization, the path, the query, the root path."""


class _Held(NamedTuple):
    position: str
    began_s: float
    response: asyncio.Future[Response]


class SharedReads:
    """Responses by what was asked, and where the feed stood. Used on the event loop only."""

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}

    async def get(self, key: Key, position: str, read: Callable[[], Awaitable[Response]]) -> Response:
        """The response of ``read``, or one that another request of the same ``key`` and ``position`` began.

        Without a position nobody watches for changes, and nothing is shared. What ``read`` raises is raised
        to all that share it.
        """
        if not position:
            return await read()
        now_s = asyncio.get_running_loop().time()
        held = self._held.get(key)
        if held is None or held.position != position or now_s - held.began_s > MAX_AGE_S:
            held = _Held(position, now_s, asyncio.ensure_future(read()))
            held.response.add_done_callback(partial(self._drop_failure, key, held))
            self._held.pop(key, None)
            self._held[key] = held
            if len(self._held) > _MAX_HELD:
                del self._held[next(iter(self._held))]
        # Shielded: the one that began it may leave while others wait.
        return await asyncio.shield(held.response)

    def _drop_failure(self, key: Key, held: _Held, response: asyncio.Future[Response]) -> None:
        failed = response.cancelled() or response.exception() is not None
        if failed and self._held.get(key) is held:
            del self._held[key]
