"""What was deleted and pruned, as a write has to know it, and taking rows away, in ClickHouse.

Two servers may write and delete one record at one moment, and nothing locks a row. So a deletion first says
so, with a version above those of all deliveries that it means: deliveries up to it are dead, whoever inserts
them. A write reads this before it looks at what stands, and again when its rows are in: what was deleted
between the two it takes away itself.

Then a row says that the record stands nowhere, which no read sees behind, whatever becomes of the rest. It is
the last that is taken away, so that a deletion that broke off is found by it and finished by the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.server.store.clickhouse.connections import Connection, Row, Values
from log10_trace.server.store.clickhouse.errors import REPLICA_AWAY, TIMED_OUT, code_of
from log10_trace.server.store.clickhouse.record_rows import Key, MergedRecord, deletion_row, merge_deliveries
from log10_trace.server.store.common.deletions import hash_id
from log10_trace.server.store.data_types import DELETED
from log10_trace.server.store.errors import StoreBusyError

_A_STEP: Final = 1_000
"""Records whose deletion is finished at once."""
_TAKES_LONG: Final = (
    "ClickHouse takes long to delete and goes on; what was found is in no list any more. Delete again later."
)


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


def hide_rows(connection: Connection, organization_id: str, places: Sequence[Row]) -> None:
    """Take records (place, id) out of all reads; ``finish_removals`` takes them off the disk."""
    rows = [deletion_row((organization_id, completion_id), place) for place, completion_id in places]
    connection.insert("completions", rows, token=uuid.uuid4().hex)


def remove_record(connection: Connection, key: Key, place: int, version: int) -> None:
    """Take a record out of all reads, and its deliveries up to a version off the disk."""
    hide_rows(connection, key[0], [(place, key[1])])
    away = _remove_rows(connection, key[0], [(place, key[1])], version)
    if away is not None:
        raise away


def finish_removals(connection: Connection, organization_id: str) -> None:
    """Remove what is hidden: by this deletion, and by others that broke off.

    Raises:
        StoreBusyError: the engine takes long to remove it, and goes on.
    """
    away: ClickHouseError | None = None
    values = {"organization_id": organization_id, "status": DELETED, "limit": _A_STEP}
    seen: Sequence[Row] = ()
    try:
        while (hidden := connection.rows("hidden", values)) and hidden != seen:
            seen = hidden
            for version, places in _group_by_version(connection, organization_id, hidden).items():
                away = _remove_rows(connection, organization_id, places, version) or away
        if seen:
            # Off the disk, in the background.
            connection.execute("rewrite_completions")
            connection.execute("rewrite_deliveries")
    except ClickHouseError as error:
        if code_of(error) == TIMED_OUT:
            raise StoreBusyError(_TAKES_LONG) from error
        raise
    if away is not None:
        raise away


def _remove_rows(
    connection: Connection, organization_id: str, places: Sequence[Row], version: int
) -> ClickHouseError | None:
    """Remove records (place, id) and their deliveries; the error of a replica that does it later, if any."""
    values = {
        "organization_id": organization_id,
        "places": [place for place, _ in places],
        "ids": [completion_id for _, completion_id in places],
        "first": min(place for place, _ in places),
        "last": max(place for place, _ in places),
        "version": version,
    }
    away = _execute(connection, "delete_deliveries", values)
    if away is not None and connection.rows("has_dead_deliveries", values):
        raise away  # of another shard it may have failed for good, and is found by the rows that stay
    # Before the rows go: the insert that hid them may have failed before it was counted.
    connection.execute("count_removals", values)
    return _execute(connection, "delete_completions", values) or away


def _execute(connection: Connection, name: str, values: Values) -> ClickHouseError | None:
    """Run a statement; the error of a replica that is away and does it when it is back."""
    try:
        connection.execute(name, values)
    except ClickHouseError as error:
        if code_of(error) != REPLICA_AWAY:
            raise
        return error
    return None


def _group_by_version(
    connection: Connection, organization_id: str, places: Sequence[Row]
) -> dict[int, list[Row]]:
    """Places of deleted records by the version up to which their deliveries are dead."""
    keys = [(organization_id, completion_id) for _, completion_id in places]
    versions = read_removals(connection, keys).versions
    grouped: dict[int, list[Row]] = {}
    for place, key in zip(places, keys, strict=True):
        grouped.setdefault(versions.get(key, 0), []).append(place)
    return grouped
