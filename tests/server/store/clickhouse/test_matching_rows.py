"""Lists find records among rows of which later ones may have taken the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, Order
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import NOON, ORG, completion, ids

STARTED = CompletionFilter(status="started")


@pytest.fixture
def store(emptied_clickhouse_url: str) -> Iterator[Store]:
    """A store, empty."""
    with closing(open_store(emptied_clickhouse_url)) as opened:
        yield opened


def call(number: int, status: str) -> CompletionRecord:
    """The call of a minute."""
    created = datetime.fromisoformat(NOON.replace("Z", "+00:00")) + timedelta(minutes=number)
    return completion(id=f"r{number:02}", created_at=created.isoformat(), status=status)


@pytest.mark.parametrize(("order", "running"), [("newest", ("r01", "r00")), ("oldest", ("r30", "r31"))])
def test_rows_that_do_not_stand_any_more_hide_nothing(
    store: Store, order: Order, running: tuple[str, str]
) -> None:
    """Two calls run, behind many that have ended and whose first rows say that they run."""
    numbers = [int(each[1:]) for each in running]
    ended = [number for number in range(32) if number not in numbers]
    for status, some in (("started", range(32)), ("finished", ended)):
        for future in store.completions.put_many(ORG, [call(number, status) for number in some]):
            future.result()

    first = store.completions.page(ORG, STARTED, limit=1, order=order)

    assert [one.id for one in first.items] == [running[0]]
    second = store.completions.page(ORG, STARTED, limit=1, order=order, cursor=first.next_cursor)
    assert ([one.id for one in second.items], second.next_cursor) == ([running[1]], None)
    assert ids(store, STARTED, order=order) == list(running)
