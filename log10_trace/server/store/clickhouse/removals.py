"""What was deleted and pruned, as a write has to know it, and taking rows away, in ClickHouse.

Two servers may write and delete one record at one moment, and nothing locks a row. So a deletion first says
so, with a version above those of all deliveries that it means: deliveries up to it are dead, whoever inserts
them. A write reads this before it looks at what stands, and again when its rows are in: what was deleted
between the two it takes away itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.record_rows import Key, MergedRecord, merge_deliveries
from log10_trace.server.store.common.deletions import hash_id


class Removals(NamedTuple):
    """What was deleted and pruned at one moment."""

    contents: dict[Key, str]
    """Of deleted records: the hash of what they held."""
    versions: dict[Key, int]
    """Of deleted records: deliveries up to this version are dead."""
    pruned_ms: int
    """Records that began before were pruned."""

    def is_removed_since(self, before: Removals, key: Key, began_ms: int) -> bool:
        """Whether a record was deleted or pruned after ``before`` was read."""
        is_deleted = self.versions.get(key) != before.versions.get(key)
        return is_deleted or before.pruned_ms <= began_ms < self.pruned_ms


def read_removals(connection: Connection, keys: Iterable[Key]) -> Removals:
    """What was deleted of some records, and how far was pruned."""
    by_organization: dict[str, dict[str, Key]] = {}
    for key in keys:
        by_organization.setdefault(key[0], {})[hash_id(*key)] = key
    found = Removals({}, {}, 0)
    for organization_id, hashes in by_organization.items():
        values = {"organization_id": organization_id, "records": list(hashes)}
        for record, content, version in connection.rows("tombstones", values):
            if not record:
                found = found._replace(pruned_ms=int(version))
                continue
            found.contents[hashes[record]] = content
            found.versions[hashes[record]] = int(version)
    return found


def split_dead(
    loaded: Mapping[Key, MergedRecord], removals: Removals
) -> tuple[dict[Key, MergedRecord], dict[Key, MergedRecord]]:
    """The records as they stand without dead deliveries, and those that have dead ones."""
    standing, dead = dict(loaded), {}
    for key in loaded.keys() & removals.versions.keys():
        live = [one for one in loaded[key].deliveries if one.version > removals.versions[key]]
        if len(live) == len(loaded[key].deliveries):
            continue
        dead[key] = standing.pop(key)
        if live:
            standing[key] = merge_deliveries(key, live)
    return standing, dead


def remove_rows(
    connection: Connection, organization_id: str, places: Sequence[tuple[int, str]], version: int
) -> None:
    """Take records (place, id) out of lists, and their deliveries up to a version."""
    values = {
        "organization_id": organization_id,
        "places": [place for place, _ in places],
        "ids": [completion_id for _, completion_id in places],
        "first": min(places)[0],
        "last": max(places)[0],
        "version": version,
    }
    connection.execute("delete_completions", values)
    connection.execute("delete_deliveries", values)
