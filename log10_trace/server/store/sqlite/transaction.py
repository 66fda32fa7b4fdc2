"""A write transaction: the connection, and the changes that its jobs accumulate and write once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from log10_trace.domain import ranges
from log10_trace.domain.prices import Prices
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common import deletions
from log10_trace.server.store.common.changes import ChangeListeners
from log10_trace.server.store.common.columns import CompletionColumns
from log10_trace.server.store.common.rollups import RollupDeltas
from log10_trace.server.store.common.seen_messages import SeenMessages
from log10_trace.server.store.data_types import CompletionChange
from log10_trace.server.store.sqlite.connection import SQL, insert_rows
from log10_trace.server.store.sqlite.index_backlog import IndexBacklog, IndexEntry
from log10_trace.server.store.sqlite.rollup_compaction import RollupCompactor, compact_all, price_some
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS, free_positions

_STACKS_REMEMBERED: Final = 4_096

Values: TypeAlias = Mapping[str, Any] | Sequence[Any]


class LookupKey(NamedTuple):
    """A record that a job is going to look for, and the millisecond it needs a place in if it is new."""

    organization_id: str
    completion_id: str
    began_ms: int


class Transaction:
    """What a job writes with. For the writer's thread alone; jobs see it open."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        listeners: ChangeListeners | None = None,
        prices: Prices | None = None,
    ) -> None:
        self._connection = connection
        self._prices = prices or Prices.load()
        self._listeners = ChangeListeners() if listeners is None else listeners
        self.seen_messages = SeenMessages()
        self.unindexed = IndexBacklog()
        self.stacks: dict[tuple[str, bytes], int] = {}
        """Numbers of the stacks in the database, by organization and digest."""
        self.has_older_unindexed = True
        """Whether records of an earlier version may wait for the text index; False once none was found."""
        self.has_uncounted = True
        """Whether an earlier version may have counted some records; False once none was found."""
        self.has_unpriced = True
        """Whether the cost of some sums may not be known; False once none was found."""
        self._folder = RollupCompactor(self._prices)
        self._data_version = -1
        self._pruned_before_ms: int | None = None
        self._last_allocated = (-1, 0)
        self._begin()

    def run(
        self, jobs: Sequence[Callable[[Transaction], Any]], looked_for: Sequence[LookupKey] = ()
    ) -> list[Any]:
        """Call each job and commit; the results, in order. When anything raises, nothing has happened.

        What the jobs are known to look for is ``looked_for`` at once.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._check_data_version()
            self._prefetch(looked_for)
            results = [job(self) for job in jobs]
            self.flush_deferred()
            self._write_aggregates()
            self._connection.execute("COMMIT")
            changes = self._changes
        except BaseException:
            self._connection.rollback()
            self._forget()
            raise
        finally:
            self._begin()
        if changes:
            self._listeners.publish(changes)
        return results

    def execute(self, name: str, values: Values = ()) -> sqlite3.Cursor:
        """Run a named statement, which sees all that was written before."""
        return self.flush_deferred().execute(SQL[name], values)

    def executemany(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a named statement once for each row of values."""
        self.flush_deferred().executemany(SQL[name], rows)

    def first(self, name: str, values: Values = ()) -> sqlite3.Row | None:
        """The first row of a named query, or None."""
        row: sqlite3.Row | None = self.execute(name, values).fetchone()
        return row

    def execute_now(self, name: str, values: Values = ()) -> sqlite3.Cursor:
        """Run a named statement that has nothing to do with what was put off by ``defer_insert``."""
        return self._connection.execute(SQL[name], values)

    def defer_insert(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        """Have rows inserted by a named statement before anything else looks, many at once."""
        self._later.setdefault(name, []).extend(rows)

    def index(self, position: int, words: IndexEntry) -> None:
        """Have words entered in the text index, soon after the commit."""
        self.defer_insert("insert_unindexed", [(position,)])
        self.unindexed.note(position, words)

    def delete_from_index(self, position: int, words: IndexEntry) -> None:
        """Have the text index forget a record: the very words that it was told, or is about to be told."""
        self.unindexed.take(position)
        if self.execute("delete_unindexed", (position,)).rowcount:
            return
        if self.has_older_unindexed and self.execute_now("delete_older_unindexed", (position,)).rowcount:
            return
        self.execute_now("forget_words", (position, *words.spell()))

    def flush_deferred(self) -> sqlite3.Connection:
        """The connection, with nothing put off any more."""
        for name, rows in self._later.items():
            insert_rows(self._connection, name, rows)
        self._later.clear()
        return self._connection

    def find_position(self, organization_id: str, completion_id: str) -> int | None:
        """Where the record of this id is; None when there is none."""
        key = organization_id, completion_id
        if key not in self._places:
            self._find(organization_id, [completion_id])
        return self._places[key]

    def allocate_position(self, organization_id: str, completion_id: str, began_ms: int, arrival: int) -> int:
        """A free place for a new record, which is from now on its own."""
        for position in free_positions(began_ms, arrival):
            self._look_at([SORT_KEYS.began_ms(position)])
            if position not in self._taken:
                break
        self._taken.add(position)
        self._places[organization_id, completion_id] = position
        return position

    def allocate_next_position(self, organization_id: str, completion_id: str, began_ms: int) -> int:
        """A free place behind those of this millisecond; in the next ones when it is full."""
        position = SORT_KEYS.first_of(began_ms)
        if self._last_allocated[0] == began_ms:
            position = self._last_allocated[1] + 1
        self._look_at([SORT_KEYS.began_ms(position)])
        while position in self._taken:
            position += 1
            self._look_at([SORT_KEYS.began_ms(position)])
        self._last_allocated = began_ms, position
        self._taken.add(position)
        self._places[organization_id, completion_id] = position
        return position

    def free_position(self, organization_id: str, completion_id: str) -> None:
        """Know that the record of this id is gone."""
        self._places[organization_id, completion_id] = None

    def find_deleted_content(self, organization_id: str, completion_id: str) -> str | None:
        """What is remembered of the content of a deleted record; None when none of this id was deleted."""
        return self._deleted.get((organization_id, completion_id))

    def remember_deleted(self, organization_id: str, completion_id: str, content: str) -> None:
        """Remember a deletion."""
        record, day = deletions.hash_id(organization_id, completion_id), _now_ms() // DAY_MS
        self.execute_now("remember_deleted", (organization_id, record, content, day))
        self._deleted[organization_id, completion_id] = content

    def note_pruned(self, before_ms: int) -> None:
        """Remember that records which began before this moment may have been pruned."""
        self.execute_now("note_pruned", (before_ms,))
        self._pruned_before_ms = None

    @property
    def pruned_before_ms(self) -> int:
        """Records that began before it may have been pruned."""
        if self._pruned_before_ms is None:
            row = self.execute_now("pruned").fetchone()
            self._pruned_before_ms = row["before_ms"] if row else 0
        return self._pruned_before_ms

    def has_arrived(self, organization_id: str, source: str, sequence: int) -> bool:
        """Whether an earlier commit noted that this sequence number came."""
        values = (organization_id, source, sequence, sequence)
        return self.execute_now("has_arrived", values).fetchone() is not None

    def count(self, organization_id: str, facts: CompletionColumns, sign: int = 1) -> None:
        """Add a call to the roll-ups and its session, or with ``sign`` -1 take it out of both."""
        self._deltas.setdefault(organization_id, RollupDeltas()).count(facts, sign)
        if not facts.session_id:
            return
        key = organization_id, facts.session_id
        if sign < 0:
            self._left_sessions.add(key)
            return
        first, last = self._sessions.get(key, (facts.began_ms, facts.began_ms))
        self._sessions[key] = min(first, facts.began_ms), max(last, facts.began_ms)

    def note_change(self, change: CompletionChange) -> None:
        """Have those who watch told of a change after the commit."""
        if self._listeners:
            self._changes.append(change)

    @property
    def has_no_deferred_work(self) -> bool:
        """Whether nothing is put off that could be done in a quiet moment."""
        waiting = self.unindexed.count or self.has_older_unindexed or self.has_uncounted
        return not (waiting or self.has_unpriced or self.has_deltas)

    @property
    def has_deltas(self) -> bool:
        """Whether more is noted for the roll-ups than is left unfolded in quiet times."""
        return self._folder.has_some

    def fold_all(self) -> None:
        """Fold all that was noted for the roll-ups."""
        compact_all(self._connection, self._prices)
        self._folder.forget()

    def fold_some(self) -> None:
        """Fold some of what was noted for the roll-ups."""
        self._folder.compact_next_shard(self._connection)

    def price_some(self) -> None:
        """Work out what some sums cost of which it is not known."""
        self.has_unpriced = price_some(self._connection, self._prices)

    def add_sequence(self, organization_id: str, source: str, sequence: int, last: int | None = None) -> None:
        """Note that a sequence number came, or all up to ``last``."""
        arrived = (sequence, sequence if last is None else last)
        self._sequences.setdefault((organization_id, source), []).append(arrived)

    def adjust_stack_refcount(self, number: int, times: int) -> None:
        """Note that bodies name a stack, or with a negative number no longer do."""
        self._stack_uses[number] += times

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    def _begin(self) -> None:
        self._later: dict[str, list[Sequence[Any]]] = {}
        self._places: dict[tuple[str, str], int | None] = {}
        self._deleted: dict[tuple[str, str], str] = {}
        self._looked_at: set[int] = set()
        self._taken: set[int] = set()
        self._deltas: dict[str, RollupDeltas] = {}
        self._sessions: dict[tuple[str, str], tuple[int, int]] = {}
        self._left_sessions: set[tuple[str, str]] = set()
        self._sequences: dict[tuple[str, str], list[ranges.Range]] = {}
        self._stack_uses: Counter[int] = Counter()
        self._changes: list[CompletionChange] = []

    def _prefetch(self, looked_for: Sequence[LookupKey]) -> None:
        by_organization: dict[str, list[str]] = {}
        for wanted in looked_for:
            by_organization.setdefault(wanted.organization_id, []).append(wanted.completion_id)
        for organization_id, completion_ids in by_organization.items():
            self._find(organization_id, completion_ids)
        self._look_at([wanted.began_ms for wanted in looked_for])

    def _find(self, organization_id: str, completion_ids: Sequence[str]) -> None:
        values = {"organization_id": organization_id, "ids": json.dumps(completion_ids)}
        absent = {}
        for row in self.execute_now("find", values):
            self._places[organization_id, row["id"]] = row["position"]
            if row["position"] is None:
                absent[deletions.hash_id(organization_id, row["id"])] = row["id"]
        values = {"organization_id": organization_id, "records": json.dumps(list(absent))}
        for row in self.execute_now("find_deleted", values):
            self._deleted[organization_id, absent[row["record"]]] = row["content"]

    def _look_at(self, milliseconds: Iterable[int]) -> None:
        """Know which places of these milliseconds are taken."""
        fresh = set(milliseconds) - self._looked_at
        if not fresh:
            return
        self._looked_at |= fresh
        starts = json.dumps([SORT_KEYS.first_of(began_ms) for began_ms in fresh])
        taken = self.execute_now("taken", {"starts": starts, "width": SORT_KEYS.per_millisecond})
        self._taken.update(row["position"] for row in taken)

    def _check_data_version(self) -> None:
        """Another process may have deleted stacks that are remembered here."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._data_version = version
            self._forget()
        if len(self.stacks) > _STACKS_REMEMBERED:
            self.stacks.clear()

    def _forget(self) -> None:
        self._last_allocated = (-1, 0)
        self.stacks.clear()
        self._pruned_before_ms = None
        self.seen_messages.forget()
        self.unindexed.forget()
        self._folder.forget()

    def _write_aggregates(self) -> None:
        self._folder.keep(self._connection, self._deltas)
        self._write_sessions()
        for (organization_id, source), numbers in self._sequences.items():
            self._write_ranges(organization_id, source, ranges.merge_ranges(numbers))
        self._write_stack_uses()

    def _write_sessions(self) -> None:
        spans = [(*key, first, last) for key, (first, last) in self._sessions.items()]
        insert_rows(self._connection, "touch_session", spans)
        for organization_id, session_id in self._left_sessions:
            self.execute_now("delete_empty_session", {"organization_id": organization_id, "id": session_id})

    def _write_ranges(self, organization_id: str, source: str, arrived: list[ranges.Range]) -> None:
        for first, last in arrived:
            values = {"organization_id": organization_id, "source": source, "first": first, "last": last}
            old = [tuple(row) for row in self.execute("adjoining_ranges", values)]
            if old == [(first, last)]:
                continue
            self._connection.executemany(
                SQL["delete_range"], [(organization_id, source, old_first) for old_first, _ in old]
            )
            self._connection.executemany(
                SQL["insert_range"],
                [(organization_id, source, *one) for one in ranges.merge_ranges([*old, (first, last)])],
            )

    def _write_stack_uses(self) -> None:
        uses = [(times, number) for number, times in self._stack_uses.items() if times]
        if uses:
            self._connection.execute(SQL["use_stacks"], (json.dumps(uses),))
        released = [(number,) for times, number in uses if times < 0]
        self._connection.executemany(SQL["delete_unused_stack"], released)
        if released:
            self.stacks.clear()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
