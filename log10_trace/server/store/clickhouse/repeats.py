"""Which records that are not there were there and were deleted or pruned, in ClickHouse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.record_rows import DerivedRecord, Key
from log10_trace.server.store.clickhouse.removals import Removals
from log10_trace.server.store.common import deletions


def find_repeats(
    connection: Connection, new: Mapping[Key, DerivedRecord], copied: Collection[Key], removals: Removals
) -> set[Key]:
    """The keys of repeated records, of records that are not there; pruning keeps no ``copied`` one out."""
    repeats = {
        key
        for key, known in new.items()
        if deletions.is_repeat(known.incoming, known.facts, removals.contents.get(key))
    }
    by_organization: dict[str, list[DerivedRecord]] = {}
    for key, known in new.items():
        is_old = known.facts.began_ms < removals.pruned_ms
        if is_old and key not in copied and deletions.has_sequence(known.facts):
            by_organization.setdefault(key[0], []).append(known)
    for organization_id, old in by_organization.items():
        found = _find_arrived(connection, organization_id, old)
        repeats |= {(organization_id, str(known.incoming.id)) for known in found}
    return repeats


def _find_arrived(
    connection: Connection, organization_id: str, old: Sequence[DerivedRecord]
) -> list[DerivedRecord]:
    values = {
        "organization_id": organization_id,
        "sources": list({known.facts.source for known in old}),
        "sequences": [known.facts.sequence for known in old],
    }
    arrived = {source: set(numbers) for source, numbers in connection.rows("arrived", values)}
    return [known for known in old if known.facts.sequence in arrived.get(known.facts.source, ())]
