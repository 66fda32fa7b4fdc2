"""Writes groups of records: their deliveries first, then how each record stands after all that came of it.

Two servers may get two deliveries of one record at one moment, and nothing locks a row in ClickHouse. Each
inserts its delivery before it looks which there are, so the one that looks last finds both. It writes the row
that counts more deliveries, which replaces any other. The rules of merging are those of the other stores
(``completion_record.merge``), which no aggregate function has: what a delivery replaces depends on what
stands.
"""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.record_rows import (
    SORT_KEYS,
    Delivery,
    DerivedRecord,
    Key,
    MergedRecord,
    completion_row,
    delivery_row,
    derive,
    gone_row,
    merge_deliveries,
    put_in_slot,
    read_delivery,
)
from log10_trace.server.store.clickhouse.removals import Removals, read_removals, remove_record, split_dead
from log10_trace.server.store.clickhouse.repeats import count_repeats
from log10_trace.server.store.common.record_writes import (
    apply_write,
    build_write_result,
    ends_call,
    memory_size,
)
from log10_trace.server.store.common.seen_messages import SeenMessages
from log10_trace.server.store.common.transfer import split_by_bytes
from log10_trace.server.store.data_types import CompletionChange, WriteEffect, WriteResult

_SERVER_BITS: Final = 12
"""The low bits of a version, which tell servers apart that write within one microsecond."""


class WriteRequest(NamedTuple):
    """A record as it came, what follows from it alone, and whether its tags replace those that stand."""

    organization_id: str
    known: DerivedRecord
    replaces_tags: bool = False
    place: int | None = None
    """Where a record from another database is to stand, which pruning does not keep out."""

    @property
    def key(self) -> Key:
        """Which record it is about."""
        return self.organization_id, self.known.incoming.id or ""

    def size(self) -> int:
        """About the bytes it keeps in memory."""
        return memory_size(self.known.incoming)


@dataclass(slots=True)
class _Draft:
    """What the writes of one record do."""

    key: Key
    outcomes: list[tuple[WriteEffect, Mapping[str, str], bool]]
    """Of each write: what it did, the fields after it, and whether the call has ended with it."""
    added: list[tuple[Delivery, DerivedRecord]]
    merged: MergedRecord
    known: DerivedRecord | None = None
    """Of the merged record, where it was worked out before."""

    @property
    def is_changed(self) -> bool:
        return bool(self.added)


class RecordWriter:
    """Writes records. For one thread."""

    def __init__(self, server: str, *, is_sharded: bool = False) -> None:
        self._server = server
        self._is_sharded = is_sharded
        self._number = random.getrandbits(_SERVER_BITS)
        self._last_moment = 0
        # Tells calls of one millisecond apart. Servers begin anywhere, so that two rarely say the same.
        self._arrivals = itertools.count(random.getrandbits(20))
        self._seen_messages = SeenMessages()

    def write(
        self, connection: Connection, requests: Sequence[WriteRequest]
    ) -> tuple[list[WriteResult], list[CompletionChange]]:
        """Write the requests, in order; the result of each, and what changed."""
        try:
            return self._write(connection, requests)
        except BaseException:
            self._seen_messages.forget()
            raise

    def _write(
        self, connection: Connection, requests: Sequence[WriteRequest]
    ) -> tuple[list[WriteResult], list[CompletionChange]]:
        by_key: dict[Key, list[int]] = {}
        for number, request in enumerate(requests):
            by_key.setdefault(request.key, []).append(number)
        removals = read_removals(connection, by_key)
        standing, dead = split_dead(load_records(connection, by_key), removals)
        new = {
            key: [requests[number].known for number in numbers]
            for key, numbers in by_key.items()
            if key not in standing
        }
        copied = {key for key, numbers in by_key.items() if requests[numbers[0]].place is not None}
        repeats = count_repeats(connection, new, copied, removals)
        results: list[WriteResult | None] = [None] * len(requests)
        drafts = []
        for key, numbers in by_key.items():
            if key in dead:
                remove_record(connection, key, dead[key].place, removals.versions[key])
            repeated = repeats.get(key, 0)
            for number in numbers[:repeated]:
                results[number] = _reject_repeat(key, requests[number].known)
            if not (taken := numbers[repeated:]):
                continue
            writes = [requests[number] for number in taken]
            draft = self._draft(key, writes, standing.get(key), above=removals.versions.get(key, 0))
            drafts.append(draft)
            for number, (effect, fields, has_ended) in zip(taken, draft.outcomes, strict=True):
                results[number] = build_write_result(
                    effect, *key, fields, draft.merged.began_ms, has_ended_call=has_ended
                )
        changes = self._keep(connection, drafts, removals)
        removed = _take_back(connection, [draft for draft in drafts if draft.key not in copied], removals)
        changes = [one for one in changes if (one.organization_id, one.id) not in removed]
        return [result for result in results if result is not None], changes

    def _draft(
        self, key: Key, writes: Sequence[WriteRequest], before: MergedRecord | None, *, above: int
    ) -> _Draft:
        """Lay the writes of one record on each other, in order, over what stands."""
        stands = None if before is None else before.incoming
        outcomes, added = [], []
        first = writes[0].known
        place = self._choose_place(writes[0]) if before is None else before.place
        skipped = self._count_repeated(key, first) if before is None else before.skipped
        version = max(above, *before.versions) if before else above
        for write in writes:
            stood = stands
            effect, stands = apply_write(stood, write.known.incoming, replace_tags=write.replaces_tags)
            outcomes.append((effect, stands.fields, ends_call(stood, stands)))
            if effect is WriteEffect.UNCHANGED:
                continue
            version = self._next_version(version)
            delivery = Delivery(version, place, skipped, write.replaces_tags, write.known.texts)
            added.append((delivery, write.known))
        assert stands is not None  # noqa: S101 -- there is a write for every draft
        deliveries = (*(before.deliveries if before else ()), *(one for one, _ in added))
        merged = MergedRecord(key, deliveries, stands)
        is_alone = before is None and len(added) == 1
        return _Draft(key, outcomes, added, merged, first if is_alone else None)

    def _keep(
        self, connection: Connection, drafts: Sequence[_Draft], removals: Removals
    ) -> list[CompletionChange]:
        # Built before anything is inserted: a record that cannot be kept leaves nothing behind.
        rows = {draft.key: self._row(draft) for draft in drafts}
        deliveries = [
            delivery_row(draft.key, delivery, known.facts)
            for draft in drafts
            for delivery, known in draft.added
        ]
        if deliveries:
            connection.insert("deliveries", deliveries, token=uuid.uuid4().hex)
            rows |= self._include_others(connection, drafts, removals)
        if rows:
            inserted = [row for each in rows.values() for row in each]
            connection.insert("completions", inserted, token=uuid.uuid4().hex)
        return [_describe_change(rows[draft.key][0]) for draft in drafts if draft.is_changed]

    def _row(self, draft: _Draft) -> list[tuple[Any, ...]]:
        known = draft.known or draft.merged.derive()
        return [completion_row(draft.merged, known, self._server if draft.is_changed else "")]

    def _include_others(
        self, connection: Connection, drafts: Sequence[_Draft], removals: Removals
    ) -> dict[Key, list[tuple[Any, ...]]]:
        """The rows of records of which other servers had deliveries meanwhile."""
        changed = {draft.key: draft.merged.versions for draft in drafts if draft.is_changed}
        stale = [
            key for key, versions in read_versions(connection, changed).items() if versions != changed[key]
        ]
        rows = {}
        standing, _ = split_dead(load_records(connection, stale), removals)
        for key, merged in standing.items():
            row = completion_row(merged, merged.derive(), self._server)
            others = {one.place for one in merged.deliveries} - {merged.place}
            rows[key] = [row, *(gone_row(key, place, len(merged.deliveries)) for place in others)]
        return rows

    def _count_repeated(self, key: Key, known: DerivedRecord) -> int:
        return self._seen_messages.count_repeated(key[0], known.facts.session_id, known.words)

    def _choose_place(self, write: WriteRequest) -> int:
        place = write.place
        if place is None:
            place = SORT_KEYS.make(write.known.facts.began_ms, next(self._arrivals))
        return put_in_slot(place, write.key, write.known) if self._is_sharded else place

    def _next_version(self, above: int) -> int:
        """A version above another one; those of no other reason ascend."""
        self._last_moment = max(time.time_ns() >> _SERVER_BITS, self._last_moment + 1)
        return max(self._last_moment, (above >> _SERVER_BITS) + 1) << _SERVER_BITS | self._number


def prepare(organization_id: str, incoming: CompletionRecord, *, replaces_tags: bool = False) -> WriteRequest:
    """Work out what follows from a record alone; on the caller's thread, to keep the writer's free."""
    known = derive(incoming, time.time_ns() // 1_000_000)
    return WriteRequest(organization_id, known, replaces_tags)


def load_records(connection: Connection, keys: Iterable[Key]) -> dict[Key, MergedRecord]:
    """Those of the records that stand."""
    found = load_deliveries(connection, keys)
    return {key: merge_deliveries(key, deliveries) for key, deliveries in found.items()}


def load_deliveries(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Delivery]]:
    """The deliveries of each of the records that stand, in the order of their versions."""
    found: dict[Key, list[Delivery]] = {}
    for organization_id, ids in group_ids(keys).items():
        values = {"organization_id": organization_id, "ids": ids}
        for completion_id, *row in connection.rows("deliveries", values):
            found.setdefault((organization_id, completion_id), []).append(read_delivery(row))
    return {key: _drop_repeated(each) for key, each in found.items()}


def split_by_size(connection: Connection, organization_id: str, ids: Sequence[str]) -> Iterator[list[Key]]:
    """The keys of records in batches whose bodies fit the memory."""
    values = {"organization_id": organization_id, "ids": list(ids)}
    sizes = {row[0]: row[1] for row in connection.rows("sizes", values)} if ids else {}
    return split_by_bytes(((organization_id, one), sizes.get(one, 0)) for one in ids)


def read_versions(connection: Connection, keys: Iterable[Key]) -> dict[Key, frozenset[int]]:
    """The versions of all deliveries of records."""
    found = {}
    for organization_id, ids in group_ids(keys).items():
        values = {"organization_id": organization_id, "ids": ids}
        for completion_id, versions in connection.rows("versions", values):
            found[organization_id, completion_id] = frozenset(versions)
    return found


def group_ids(keys: Iterable[Key]) -> dict[str, list[str]]:
    """Ids by organization."""
    grouped: dict[str, list[str]] = {}
    for organization_id, completion_id in keys:
        grouped.setdefault(organization_id, []).append(completion_id)
    return grouped


def _drop_repeated(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """A delivery whose insertion was repeated is there twice until the engine merges its parts."""
    return list({one.version: one for one in deliveries}.values())


def _reject_repeat(key: Key, known: DerivedRecord) -> WriteResult:
    return build_write_result(WriteEffect.DELETED, *key, known.incoming.fields, known.facts.began_ms)


def _take_back(connection: Connection, drafts: Sequence[_Draft], before: Removals) -> set[Key]:
    """Take away what another server deleted or pruned while it was written."""
    after = read_removals(connection, [draft.key for draft in drafts])
    removed = set()
    for draft in drafts:
        if after.is_removed_since(before, draft.key, draft.merged.began_ms):
            version = max(after.versions.get(draft.key, 0), *draft.merged.versions)
            remove_record(connection, draft.key, draft.merged.place, version)
            removed.add(draft.key)
    return removed


def _describe_change(row: Sequence[Any]) -> CompletionChange:
    organization_id, _, completion_id, _, _, _, status, _, _, session_id, *_ = row
    return CompletionChange(organization_id, completion_id, status, session_id)
