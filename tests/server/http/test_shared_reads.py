"""Reads that many pages ask for at once are made once, and never outlive a change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.responses import Response

from log10_trace.server.http import shared_reads
from log10_trace.server.http.shared_reads import SharedReads

KEY = ("org", "", "/calls/rows", "")


class Reads:
    """Reads that end when they are told to, numbered."""

    def __init__(self) -> None:
        self.count = 0
        self.may_end = asyncio.Event()

    async def read(self) -> Response:
        """The next response."""
        self.count += 1
        number = self.count
        await self.may_end.wait()
        return Response(str(number))


def with_reads(act: Callable[[SharedReads, Reads], Awaitable[None]]) -> None:
    async def run() -> None:
        await act(SharedReads(), Reads())

    asyncio.run(run())


def test_what_is_asked_at_one_position_is_read_once() -> None:
    """Another position, another question, or no position at all is a read of its own."""

    async def act(shared: SharedReads, reads: Reads) -> None:
        asked = [
            *(shared.get(KEY, "a-1", reads.read) for _ in range(50)),
            shared.get((*KEY, "more"), "a-1", reads.read),
            shared.get(KEY, "", reads.read),
        ]
        pending = asyncio.gather(*asked)
        await asyncio.sleep(0)
        reads.may_end.set()
        answers = [bytes(each.body) for each in await pending]
        assert set(answers[:50]) == {answers[0]}
        assert len(set(answers[49:])) == reads.count == 3
        assert bytes((await shared.get(KEY, "a-2", reads.read)).body) == b"4"

    with_reads(act)


def test_who_leaves_or_fails_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first may be cancelled; a read that raises is not kept; an old one is made again."""

    async def act(shared: SharedReads, reads: Reads) -> None:
        first = asyncio.ensure_future(shared.get(KEY, "a-1", reads.read))
        second = asyncio.ensure_future(shared.get(KEY, "a-1", reads.read))
        await asyncio.sleep(0)
        first.cancel()
        reads.may_end.set()
        assert bytes((await second).body) == b"1"

        async def fail() -> Response:
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011 -- it has no text
            await shared.get(KEY, "a-2", fail)
        assert bytes((await shared.get(KEY, "a-2", reads.read)).body) == b"2"
        monkeypatch.setattr(shared_reads, "MAX_AGE_S", -1.0)
        assert bytes((await shared.get(KEY, "a-2", reads.read)).body) == b"3"

    with_reads(act)
