"""Which records that are not there were there and were deleted or pruned, in ClickHouse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.record_rows import DerivedRecord, Key
from log10_trace.server.store.common import deletions


def find_repeats(
    connection: Connection, new: Mapping[Key, DerivedRecord], copied: Collection[Key]
) -> set[Key]:
    """The keys of repeated records, of records that are not there; pruning keeps no ``copied`` one out."""
    by_organization: dict[str, list[DerivedRecord]] = {}
    for (organization_id, _), known in new.items():
        by_organization.setdefault(organization_id, []).append(known)
    repeats: set[Key] = set()
    for organization_id, records in by_organization.items():
        found = _find_deleted(connection, organization_id, records)
        ours = [known for known in records if (organization_id, str(known.incoming.id)) not in copied]
        found += _find_pruned(connection, organization_id, ours)
        repeats |= {(organization_id, str(known.incoming.id)) for known in found}
    return repeats


def _find_deleted(
    connection: Connection, organization_id: str, records: Sequence[DerivedRecord]
) -> list[DerivedRecord]:
    hashes = {deletions.hash_id(organization_id, str(known.incoming.id)): known for known in records}
    values = {"organization_id": organization_id, "records": list(hashes)}
    return [
        known
        for record, content in connection.rows("deleted", values)
        for known in [hashes[record]]
        if deletions.is_repeat(known.incoming, known.facts, content)
    ]


def _find_pruned(
    connection: Connection, organization_id: str, records: Sequence[DerivedRecord]
) -> list[DerivedRecord]:
    ((before_ms,),) = connection.rows("pruned", {})
    numbered = [known for known in records if deletions.has_sequence(known.facts)]
    old = [known for known in numbered if known.facts.began_ms < before_ms]
    if not old:
        return []
    values = {
        "organization_id": organization_id,
        "sources": list({known.facts.source for known in old}),
        "sequences": [known.facts.sequence for known in old],
    }
    arrived = {source: set(numbers) for source, numbers in connection.rows("arrived", values)}
    return [known for known in old if known.facts.sequence in arrived.get(known.facts.source, ())]
