"""Threads for reading, apart from those that take records, look keys up and tell the server's health.

A read may take as long as the store's deadline allows. On threads of its own it delays other reads only, and
a bound for each key leaves threads to the other keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, ParamSpec, TypeVar

from log10_trace.server.http.api_errors import unavailable

P = ParamSpec("P")
Result = TypeVar("Result")

READ_THREADS: Final = 4
"""Reads that run at once."""
THREADS_OF_KEY: Final = 2
"""Reads of one key that run at once."""
OWN_THREADS: Final = 2
"""Threads for what the server itself has to know."""
MAX_READS_OF_KEY: Final = 200
"""Reads of one key that run or wait; beyond it, 503. The list of calls is two reads at once."""


@dataclass(slots=True)
class _KeyReads:
    turns: asyncio.Semaphore
    count: int = 0
    """Reads that run or wait."""


class ReadThreads:
    """Two pools of threads, one of them with a bound for each key. Used on the event loop only."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="log10-trace-read")
        self._own_pool = ThreadPoolExecutor(OWN_THREADS, thread_name_prefix="log10-trace-own")
        self._keys: dict[str, _KeyReads] = {}

    async def run(
        self, key_id: str, read: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """Call ``read`` on a thread of the pool, for the holder of the key.

        Raises:
            ApiError: 503, when too many reads of the key wait.
        """
        reads = self._keys.setdefault(key_id, _KeyReads(asyncio.Semaphore(THREADS_OF_KEY)))
        if reads.count >= MAX_READS_OF_KEY:
            raise unavailable("Too many reads of this key are waiting; try again.")
        reads.count += 1
        try:
            async with reads.turns:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, partial(read, *args, **kwargs))
        finally:
            reads.count -= 1
            if not reads.count:
                del self._keys[key_id]

    async def run_own(self, read: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        """Call ``read``, which is short and which a write or the server's health depends on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._own_pool, partial(read, *args, **kwargs))
