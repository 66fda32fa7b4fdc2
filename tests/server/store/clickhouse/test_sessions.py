"""Sessions are listed from the latest calls alone where these tell, and from all calls otherwise."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

from log10_trace.server.store import open_store
from tests.server.store.factories import NOON, ORG, completion

SESSIONS = 450
"""More than twice as many as are read at once."""
START = datetime.fromisoformat(NOON.replace("Z", "+00:00"))


def test_pages_of_many_sessions_follow_their_latest_calls(emptied_clickhouse_url: str) -> None:
    """Sessions whose calls interleave, three of them begun long ago; ten were made and never called."""
    last = {f"s{number:03}": START + timedelta(seconds=number // 2) for number in range(SESSIONS)}
    first = {name: at - timedelta(seconds=40) for name, at in last.items()}
    first |= dict.fromkeys(("s447", "s440", "s003"), START - timedelta(days=300))
    with closing(open_store(emptied_clickhouse_url)) as store:
        calls = [
            completion(id=f"{name}-{each}", session_id=name, created_at=at.isoformat())
            for each, times in enumerate((first, last))
            for name, at in times.items()
        ]
        for future in store.completions.put_many(ORG, calls):
            future.result()
        made = [store.sessions.create(ORG).result() for _ in range(10)]

        pages, cursor = [], None
        while not pages or cursor is not None:
            page = store.sessions.page(ORG, limit=150, cursor=cursor)
            pages.append(page.items)
            cursor = page.next_cursor

    found = [one for items in pages for one in items]
    assert {one.id for one in found[:10]} == set(made)
    expected = sorted(last, key=lambda name: (last[name], name), reverse=True)
    assert [one.id for one in found[10:]] == expected
    assert [(one.calls, one.first_ms) for one in found[10:]] == [
        (2, int(first[name].timestamp() * 1000)) for name in expected
    ]
