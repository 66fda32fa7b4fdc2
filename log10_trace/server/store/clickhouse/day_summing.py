"""Sums the days that are over, in the background: any server does, whichever comes first.

A day is summed when no row of it was written for a while, so that no insert and no deletion is under way, and
its sums are announced when all of them are there. What several servers sum at one moment is the same; a query
takes the sums of one of them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.domain.times import DAY_MS
from log10_trace.guard import guard
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.errors import is_connection_lost
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS
from log10_trace.server.store.clickhouse.statistics import write_adding_hours, write_summing

_ROUND_S: Final = 300
"""Between two rounds of a server, the first of which is after as long."""
_AT_ONCE: Final = 100
"""Days and batches of a round."""
_ROWS_AT_ONCE: Final = 500_000
"""About as many rows of a day are summed by one statement; sums of parts of an hour add up."""
_RANDOM_BITS: Final = 12
"""Of a batch, which begins with the time, so that two servers do not give one number to two."""
_MAX_SUMMING_NS: Final = 1_800_000_000_000
"""A summing that takes longer is given up."""
_KEPT_NS: Final = 2 * _MAX_SUMMING_NS
"""How long sums are kept that are not announced: they may be those of a summing that is under way."""


@dataclass(frozen=True, slots=True)
class WhatToSum:
    """Which days are summed."""

    quiet_s: int = 600
    """How long no row of the day was written: longer than any insert or query takes."""
    least: int = 1_000
    """Rows of the day: fewer are read as quickly as their sums."""
    before_day: int | None = None
    """Days since 1970 (UTC); None: that of today."""


class DaySummer:
    """A thread that sums days, on a connection of its own while it does."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open = open_connection
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log10-sums", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Stop; waits ``timeout`` seconds for the day that is being summed."""
        self._stopped.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        has_noted = False
        # Servers that start together sum at different times.
        while not self._stopped.wait(_ROUND_S * (1 + random.random())):  # noqa: S311 -- no secret
            if not has_noted:
                with guard("counting rows of days"), _away_is_fine(), closing(self._open()) as connection:
                    note_days(connection, WhatToSum())
                    has_noted = True
            with guard("summing past days"), _away_is_fine(), closing(self._open()) as connection:
                run_round(connection, WhatToSum(), self._stopped.is_set)


@contextmanager
def _away_is_fine() -> Iterator[None]:
    """Leave to the next round what a database that is away does not do."""
    try:
        yield
    except ClickHouseError as error:
        if not is_connection_lost(error):
            raise


def note_days(connection: Connection, what: WhatToSum) -> None:
    """Have days summed of which all rows were there before rows were counted."""
    connection.execute("note_days", {"least": what.least})


def run_round(connection: Connection, what: WhatToSum, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove sums that nothing reads any more, and sum the days that are over; how many were summed."""
    _remove_unread(connection, what)
    today = time.time_ns() // 1_000_000 // DAY_MS
    values = {
        "before": today if what.before_day is None else what.before_day,
        "least": what.least,
        "quiet_s": what.quiet_s,
        "limit": _AT_ONCE,
    }
    summed, failure = 0, None
    for organization_id, day, written in connection.rows("days_to_sum", values):
        if is_stopped():
            break
        try:
            summed += _sum_day(connection, organization_id, int(day), int(written))
        except ClickHouseError as error:
            if is_connection_lost(error):
                raise
            failure = failure or error  # of one day, such as too little memory: the others do not wait for it
    if failure is not None:
        raise failure
    return summed


def _sum_day(connection: Connection, organization_id: str, day: int, written: int) -> bool:
    """Sum a day; False where something changed meanwhile."""
    began_ns = time.time_ns()
    deletions = connection.rows("deletions_of_rows", {})
    if not all(is_done for *_, is_done in deletions):
        return False
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "day": day,
        "batch": began_ns >> _RANDOM_BITS << _RANDOM_BITS | random.getrandbits(_RANDOM_BITS),
    }
    pieces = -(-written // _ROWS_AT_ONCE)
    for piece in range(pieces):
        first, end = (day * DAY_MS + at * DAY_MS // pieces for at in (piece, piece + 1))
        span = {"first": SORT_KEYS.first_of(first), "end": SORT_KEYS.first_of(end)}
        for statement in write_summing():
            connection.change(statement, {**values, **span})
    connection.change(write_adding_hours(), values)
    ((written_now,),) = connection.rows("written_of_day", values)
    is_changed = int(written_now) != written or connection.rows("deletions_of_rows", {}) != deletions
    if is_changed or time.time_ns() - began_ns > _MAX_SUMMING_NS:
        return False
    connection.insert("summed_days", [(organization_id, day, written, values["batch"])])
    return True


def _remove_unread(connection: Connection, what: WhatToSum) -> None:
    """Remove sums whose rows have changed; first those that no query has taken for a round."""
    values = {"before": time.time_ns() - _KEPT_NS, "limit": _AT_ONCE, "quiet_s": what.quiet_s}
    for name, statement in (("unread_batches", "delete_sums"), ("stale_batches", "forget_batches")):
        batches = [batch for (batch,) in connection.rows(name, values)]
        if batches:
            connection.execute(statement, {"batches": batches})
