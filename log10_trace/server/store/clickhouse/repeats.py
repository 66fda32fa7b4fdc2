"""Which records that are not there were there and were deleted or pruned, in ClickHouse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import takewhile

from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.record_rows import DerivedRecord, Key
from log10_trace.server.store.clickhouse.removals import Removals
from log10_trace.server.store.common import deletions


def count_repeats(
    connection: Connection,
    new: Mapping[Key, Sequence[DerivedRecord]],
    copied: Collection[Key],
    removals: Removals,
) -> dict[Key, int]:
    """How many writes of each record that is not there are repeats before the first one that makes it anew.

    Pruning keeps no ``copied`` record out.
    """
    old: dict[str, list[DerivedRecord]] = {}
    for key, writes in new.items():
        if key not in copied:
            old.setdefault(key[0], []).extend(one for one in writes if _may_be_pruned(one, removals))
    arrived = {
        (organization_id, *found)
        for organization_id, known in old.items()
        if known
        for found in _find_arrived(connection, organization_id, known)
    }

    def is_repeat(key: Key, known: DerivedRecord) -> bool:
        if deletions.is_repeat(known.incoming, known.facts, removals.contents.get(key)):
            return True
        is_old = key not in copied and _may_be_pruned(known, removals)
        return is_old and (key[0], known.facts.source, known.facts.sequence) in arrived

    return {key: sum(1 for _ in takewhile(partial(is_repeat, key), writes)) for key, writes in new.items()}


def _may_be_pruned(known: DerivedRecord, removals: Removals) -> bool:
    return known.facts.began_ms < removals.pruned_ms and deletions.has_sequence(known.facts)


def _find_arrived(
    connection: Connection, organization_id: str, old: Sequence[DerivedRecord]
) -> list[tuple[str, int]]:
    """Source and sequence of those that have arrived."""
    values = {
        "organization_id": organization_id,
        "sources": [known.facts.source for known in old],
        "sequences": [known.facts.sequence for known in old],
    }
    rows = connection.rows("arrived", values)
    return [(source, number) for source, numbers in rows for number in numbers]
