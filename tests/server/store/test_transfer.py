"""What a store gives to another one, and takes from it: records at their places, and what is kept beside."""

from __future__ import annotations

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import (
    Arrival,
    Deletion,
    PlacedRecord,
    PrunedSpan,
    RevokedPageSession,
    SessionSpan,
    WriteEffect,
)
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import NOON, NOON_MS, ORG, OTHER, completion, ids, put, put_all

MARKS = (
    SessionSpan("session", NOON_MS, NOON_MS + 5),
    Arrival("process", 3, 9),
    Arrival("process", 12, 12),
    Deletion("hash-of-record", "hash-of-content", 20_000),
    RevokedPageSession("left", 1 << 50),
    PrunedSpan(NOON_MS),
)


def placed(completion_id: str, began_ms: int, **fields: str) -> PlacedRecord:
    return PlacedRecord(id=completion_id, fields={"status": '"finished"', **fields}, began_ms=began_ms)


def test_records_are_read_as_they_were_received_with_their_places(store: Store) -> None:
    """Oldest first, without a time of their own where they came without one, from any moment on."""
    told = completion(id="told", created_at=NOON)
    silent = completion(id="silent", created_at=...)
    put_all(store, [silent, told])

    first, last = store.transfer.read_records(ORG)
    later = list(store.transfer.read_records(ORG, since_ms=NOON_MS + 1))

    assert (first.id, first.began_ms, first.fields) == ("told", NOON_MS, told.fields)
    assert (last.id, last.fields) == ("silent", silent.fields)
    assert last.began_ms > NOON_MS
    assert [one.id for one in later] == ["silent"]


def test_records_stand_at_the_places_that_are_given(store: Store) -> None:
    """Whatever time they state; those of a millisecond in their order; put again they change nothing."""
    names = [f"{number:03}" for number in range(300, 0, -1)]
    records = [placed(name, NOON_MS, created_at='"yesterday"') for name in names]
    records.append(placed("later", NOON_MS + DAY_MS))

    for _ in range(2):
        results = [future.result() for future in store.transfer.put_records(ORG, records)]

    assert {result.change for result in results} == {WriteEffect.UNCHANGED}
    assert ids(store, order="oldest", limit=400) == [*names, "later"]
    again = list(store.transfer.read_records(ORG))
    assert [one.fields for one in again] == [one.fields for one in records]
    assert (again[0].began_ms, again[-1].began_ms) == (NOON_MS, NOON_MS + DAY_MS)


def test_marks_come_back_and_repeating_changes_nothing(store: Store) -> None:
    """Sessions, sequences, deletions, signed-out page sessions and pruning."""
    for _ in range(2):
        store.transfer.put_marks(ORG, MARKS).result()

    assert set(store.transfer.read_marks(ORG)) == set(MARKS)
    assert [(one.count, one.missing) for one in store.reports.sources(ORG)] == [(8, ((1, 2), (10, 11)))]
    assert [one.id for one in store.sessions.page(ORG, limit=9).items] == ["session"]
    assert set(store.transfer.read_marks(OTHER)) == {MARKS[-1]}


def test_a_process_may_have_sent_very_many_records(store: Store) -> None:
    """What is missing of them is found in a time that grows as they do, and in as little memory."""
    parts = [Arrival("process", 1, 99_999), Arrival("process", 100_001, 300_000)]

    store.transfer.put_marks(ORG, parts).result()

    report = store.reports.source(ORG, "process")
    assert report is not None
    assert (report.count, report.missing) == (299_999, ((100_000, 100_000),))
    assert [one for one in store.transfer.read_marks(ORG) if isinstance(one, Arrival)] == parts


def test_pruning_keeps_no_copied_record_out_but_a_deletion_does(store: Store) -> None:
    """A record whose sequence was noted before it came is taken; one that was deleted here stays away."""
    put(store, completion(id="deleted", source="process", sequence=1))
    store.completions.delete_one(ORG, "deleted").result()
    store.transfer.put_marks(ORG, MARKS).result()
    numbered = {"source": '"process"', "sequence": "4"}

    taken, kept_out = (
        future.result().change
        for future in store.transfer.put_records(
            ORG, [placed("pruned-by-the-look", 1, **numbered), placed("deleted", 1, **numbered)]
        )
    )

    assert (taken, kept_out) == (WriteEffect.CREATED, WriteEffect.DELETED)


def test_every_organization_is_listed_and_a_database_known_by_itself(store: Store, store_url: str) -> None:
    """Those with a record, a session or a task alone too; the database is the same through two stores."""
    put(store, completion(), "calls")
    store.sessions.create("sessions").result()
    store.transfer.put_marks("marks", [MARKS[3]]).result()
    other = open_store(store_url, must_exist=True)

    try:
        assert other.transfer.list_organizations() == ["calls", "marks", "sessions"]
        assert other.transfer.identify() == store.transfer.identify()
    finally:
        other.close()
