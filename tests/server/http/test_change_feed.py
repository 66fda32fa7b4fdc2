"""The feed of changes: told together in short steps, each stream its own organization's, bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from log10_trace.server.http import change_feed
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.change_feed import ChangeFeed, EventStream
from log10_trace.server.store.data_types import CompletionChange
from log10_trace.server.store.sqlite.changes import SqliteChanges

DEADLINE_S = 120


def with_feed(act: Callable[[ChangeFeed, SqliteChanges], Awaitable[None]]) -> None:
    """Run ``act`` with a feed, and the changes that it watches."""

    async def run() -> None:
        changes = SqliteChanges()
        await act(ChangeFeed(changes, gap_s=0.0, linger_s=0.0), changes)

    asyncio.run(run())


def change(completion_id: str, status: str = "finished", organization_id: str = "org") -> CompletionChange:
    return CompletionChange(organization_id, completion_id, status, None)


async def read(stream: EventStream) -> list[Any]:
    """The next events: of each its ids and statuses, or None where it names nothing."""
    text = await stream.next(DEADLINE_S)
    assert text
    named = [json.loads(line[6:])["changes"] for line in text.decode().splitlines() if line[:5] == "data:"]
    return [each and [(one["id"], one["status"]) for one in each] for each in named]


def test_changes_of_one_moment_are_one_event() -> None:
    """The last status of each record counts, and other organizations hear nothing of it."""

    async def act(feed: ChangeFeed, changes: SqliteChanges) -> None:
        stream, stranger = feed.open("org", "key"), feed.open("other", "key")
        assert await read(stream) == [None]
        assert await read(stranger) == [None]
        changes.listeners.publish([change("a", "started"), change("b")])
        changes.listeners.publish([change("a", "failed")])
        changes.listeners.publish([change("c", organization_id="other")])
        assert await read(stream) == [[("a", "failed"), ("b", "finished")]]
        assert await read(stranger) == [[("c", "finished")]]

    with_feed(act)


def test_a_stream_that_is_too_far_behind_is_told_that_anything_may_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So is one whose event would name too many."""
    monkeypatch.setattr(change_feed, "MAX_NAMED", 2)

    async def act(feed: ChangeFeed, changes: SqliteChanges) -> None:
        stream, slow = feed.open("org", "key"), feed.open("org", "key")
        await read(stream)
        await read(slow)
        changes.listeners.publish([change(name) for name in "abc"])
        assert await read(stream) == [None]
        for number in range(change_feed.MAX_KEPT):
            changes.listeners.publish([change(str(number))])
            assert await read(stream) == [[(str(number), "finished")]]
        assert await read(slow) == [None]

    with_feed(act)


def test_the_watch_ends_with_the_last_stream_and_a_closed_feed_takes_none() -> None:
    """Nobody is called while nobody listens; a position of an earlier watch names nothing."""

    async def act(feed: ChangeFeed, changes: SqliteChanges) -> None:
        assert feed.position == ""
        stream = feed.open("org", "key")
        await read(stream)
        position = feed.position
        stream.close()
        while changes.listeners:  # noqa: ASYNC110 -- it ends with the next turns of the loop
            await asyncio.sleep(0)
        assert feed.position == ""
        again = feed.open("org", "key", position)
        assert await read(again) == [None]
        feed.close()
        assert await again.next(DEADLINE_S) is None
        with pytest.raises(ApiError):
            feed.open("org", "key")

    with_feed(act)
