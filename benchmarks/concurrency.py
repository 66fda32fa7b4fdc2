"""What recording adds to a call of the SDK while many run at once, without a network between.

The answer to each of the calls comes once all of them have been sent, so that as many as asked for are under
way at the same time, and in the same order in each round. Rounds that record take turns with rounds that do
not, also at who comes first: a machine that slows down slows both.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from typing import Final

try:
    import httpx2 as httpx
except ImportError:  # openai before 3.0
    import httpx  # type: ignore[no-redef]

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

import log10_trace
from benchmarks.endpoints import ANSWER
from benchmarks.workloads import SMALL

MIN_CALLS: Final = 400
"""Of one round."""
PAIRS: Final = 12
"""Rounds that record, and as many that do not."""
FLUSH_S: Final = 60.0


class AnswerTogether(httpx.AsyncBaseTransport):
    """Answers requests once so many wait for an answer."""

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self._waiting = 0
        self._all_wait = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002
        """The same answer for each."""
        self._waiting += 1
        all_wait = self._all_wait
        if self._waiting == self._requests:
            self._waiting, self._all_wait = 0, asyncio.Event()
            all_wait.set()
        await all_wait.wait()
        return httpx.Response(200, headers={"content-type": "application/json"}, content=ANSWER)


def measure_tasks(url: str, tasks: int) -> tuple[float, float]:
    """Microseconds of CPU a call: added on the event loop's thread, and in all threads."""
    return asyncio.run(_measure(url, tasks))


async def _measure(url: str, tasks: int) -> tuple[float, float]:
    callers, totals = [], []
    http = DefaultAsyncHttpxClient(transport=AnswerTogether(tasks))
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http) as client:
        for round_ in range(PAIRS + 1):
            if round_ % 2:
                recorded, bare = await _run_recorded(client, tasks, url), await _run(client, tasks)
            else:
                bare, recorded = await _run(client, tasks), await _run_recorded(client, tasks, url)
            if round_:  # the first one connects, and imports
                callers.append(recorded[0] - bare[0])
                totals.append(recorded[1] - bare[1])
    return statistics.median(callers), statistics.median(totals)


async def _run_recorded(client: AsyncOpenAI, tasks: int, url: str) -> tuple[float, float]:
    # Delivered behind the calls: beside them it would take turns with this thread, and cost it caches.
    log10_trace.patch(url=url, token="benchmark", flush_interval=3600)
    try:
        return await _run(client, tasks)
    finally:
        log10_trace.unpatch()


async def _run(client: AsyncOpenAI, tasks: int) -> tuple[float, float]:
    """Microseconds of CPU a call, on this thread and in all, until all is delivered."""
    create = client.chat.completions.create
    rounds = -(-MIN_CALLS // tasks)
    gc.collect()
    # Else a collection of what other rounds left would come in one round and not in another.
    gc.freeze()
    begun, begun_all = time.thread_time_ns(), time.process_time_ns()
    for _ in range(rounds):
        await asyncio.gather(*(create(model="benchmark", messages=SMALL) for _ in range(tasks)))
    mine = time.thread_time_ns() - begun
    await asyncio.to_thread(log10_trace.flush, FLUSH_S)
    whole = time.process_time_ns() - begun_all
    return mine / (rounds * tasks) / 1_000, whole / (rounds * tasks) / 1_000
