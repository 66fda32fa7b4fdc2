"""Deleting and pruning: what is gone is gone everywhere."""

from __future__ import annotations

import time
from typing import Any

import pytest

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store import open_store
from log10_trace.server.store.common.deletions import DAYS_REMEMBERED
from log10_trace.server.store.data_types import CompletionFilter, FeedbackTarget, WriteEffect
from log10_trace.server.store.errors import SearchError, StoreClosedError
from log10_trace.server.store.protocol import Store
from tests.processes import until
from tests.server.store.factories import (
    MINUTE_MS,
    NOON,
    NOON_MS,
    ORG,
    OTHER,
    answer,
    asked,
    completion,
    ids,
    put,
    put_all,
)
from tests.server.store.test_feedback import add, feedback, task
from tests.server.store.test_listing import at, frame


def test_a_deleted_record_is_gone_from_every_list(store: Store) -> None:
    """Deleting one record takes it out of rows, tags, text and sessions, and leaves the others."""
    stack = [frame("shop.py", "checkout")]
    put_all(
        store,
        [
            completion(id="a", tags=["x"], session_id="s", request=asked("giraffe"), stacktrace=stack),
            completion(id="b", tags=["x"], session_id="t", request=asked("okapi"), stacktrace=stack),
        ],
    )

    assert store.completions.delete_one(ORG, "a").result() is True

    assert store.completions.get(ORG, "a") is None
    assert (
        ids(store)
        == ids(store, CompletionFilter(tags=("x",)))
        == ids(store, CompletionFilter(file="shop.py"))
        == ["b"]
    )
    assert ids(store, CompletionFilter(text="giraffe")) == []
    assert ids(store, CompletionFilter(text="okapi")) == ["b"]
    assert [session.id for session in store.sessions.page(ORG, limit=9).items] == ["t"]
    kept = store.completions.get(ORG, "b")
    assert kept is not None
    assert "shop.py" in kept.fields["stacktrace"]


def test_deleting_nothing_says_so(store: Store) -> None:
    """Another organization's record cannot be deleted, nor can one that is not there."""
    put(store, completion(id="a"), OTHER)

    assert store.completions.delete_one(ORG, "a").result() is False
    assert store.completions.delete(ORG, CompletionFilter()).result() == 0
    assert store.completions.get(OTHER, "a") is not None


def test_a_store_tells_the_day_of_a_deletion(store: Store) -> None:
    """The day is remembered for the organization whose record it was, and of no other record."""
    put_all(store, [completion(id="a"), completion(id="b")])
    days = [time.time_ns() // 1_000_000 // DAY_MS * DAY_MS]
    assert store.completions.delete_one(ORG, "a").result()
    days.append(time.time_ns() // 1_000_000 // DAY_MS * DAY_MS)

    assert store.completions.find_deletion(ORG, "a") in days
    assert store.completions.find_deletion(ORG, "b") is None
    assert store.completions.find_deletion(OTHER, "a") is None


def test_a_deleted_record_can_be_put_again(store: Store) -> None:
    """After deletion an id is free, and its new record is found by its own words only."""
    put(store, completion(id="a", request=asked("giraffe")))
    store.completions.delete_one(ORG, "a").result()
    put(store, completion(id="a", request=asked("okapi")))

    assert ids(store, CompletionFilter(text="giraffe")) == []
    assert ids(store, CompletionFilter(text="okapi")) == ["a"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (CompletionFilter(session_id="s"), ["c", "d"]),
        (CompletionFilter(tags=("x",)), ["b", "d"]),
        (CompletionFilter(text="okapi"), ["a", "c", "d"]),
        (CompletionFilter(until_ms=NOON_MS + 2 * MINUTE_MS), ["c", "d"]),
        (CompletionFilter(), []),
    ],
)
def test_whatever_a_filter_finds_can_be_deleted(
    store: Store, wanted: CompletionFilter, left: list[str]
) -> None:
    """Deletion by session, tag, text or time takes what the same list shows, and says how many."""
    put_all(
        store,
        [
            completion(id="a", session_id="s", tags=["x"], created_at=at(0)),
            completion(id="b", session_id="s", request=asked("okapi"), created_at=at(1)),
            completion(id="c", tags=["x"], created_at=at(2)),
            completion(id="d", created_at=at(3)),
        ],
    )

    assert store.completions.delete(ORG, wanted).result() == 4 - len(left)
    assert ids(store, order="oldest") == left


def test_many_are_deleted_while_others_come_in(store: Store) -> None:
    """A long deletion goes in steps, and writes get through between them."""
    put_all(store, [completion(tags=["old"]) for _ in range(450)])

    deleting = store.completions.delete(ORG, CompletionFilter(tags=("old",)))
    put(store, completion(id="new"))

    assert deleting.result() == 450
    assert ids(store) == ["new"]


def test_deleting_by_text_without_a_word_is_refused(store: Store) -> None:
    """A filter that cannot be searched for deletes nothing."""
    with pytest.raises(SearchError):
        store.completions.delete(ORG, CompletionFilter(text="!"))


def test_feedback_about_a_deleted_record_alone_goes_with_it(store: Store) -> None:
    """What was said about a deleted completion goes, unless it was said about others too."""
    store.feedback.add_task(ORG, task()).result()
    put_all(store, [completion(id="a"), completion(id="b")])
    lonely = add(store, FeedbackTarget(completion_ids=("a",)))
    shared = add(store, FeedbackTarget(completion_ids=("a", "b")))

    store.completions.delete_one(ORG, "a").result()

    assert store.feedback.get(ORG, lonely.id) is None
    kept = store.feedback.get(ORG, shared.id)
    assert kept is not None
    assert kept.matched_completion_ids == ("b",)


def test_pruning_by_age_takes_every_organizations_old_records(store: Store) -> None:
    """Records that began before the moment go, those from it on stay."""
    for organization_id in (ORG, OTHER):
        records = [completion(created_at=at(number), session_id=f"s{number}") for number in range(5)]
        put_all(store, records, organization_id)

    report = store.maintenance.prune(before_ms=NOON_MS + 3 * MINUTE_MS).result()

    assert report.completions == 6
    assert len(ids(store)) == 2
    assert [session.id for session in store.sessions.page(ORG, limit=9).items] == ["s4", "s3"]


def test_pruning_nothing_takes_nothing(store: Store) -> None:
    """A database within its bounds is left alone."""
    put(store, completion(id="a"))

    assert store.maintenance.prune(before_ms=0, max_bytes=1 << 40).result().completions == 0
    assert ids(store) == ["a"]


def test_health_says_what_the_store_is(store: Store) -> None:
    """Health asks the database and tells its size."""
    health = store.maintenance.health()

    assert health.kind in ("sqlite", "postgresql", "clickhouse")
    assert health.bytes > 0
    until(lambda: store.maintenance.health().waiting == 0, "nothing waits")


def test_a_closed_store_refuses(store: Store) -> None:
    """After closing, reading and writing say that the store is shut; closing again does nothing."""
    store.close()
    store.close()

    with pytest.raises(StoreClosedError):
        store.completions.put(ORG, completion()).result()
    with pytest.raises(StoreClosedError):
        store.completions.get(ORG, "a")


def test_unmatched_feedback_survives_deletions(store: Store) -> None:
    """Feedback that matched nothing is not taken for feedback about a deleted record."""
    store.feedback.add_task(ORG, task()).result()
    put(store, completion(id="a", response=answer("x")))
    kept = store.feedback.add(ORG, feedback(), FeedbackTarget(allow_unmatched=True)).result()

    store.completions.delete_one(ORG, "a").result()

    assert store.feedback.get(ORG, kept.id) == kept


SENT = {"source": "a" * 32, "sequence": 7}


@pytest.mark.parametrize(
    ("before", "repeated"),
    [
        (SENT, SENT),
        ({**SENT, "status": "started"}, SENT),
        ({"status": "started"}, {}),
        ({}, {}),
        ({"created_at": ...}, {"created_at": NOON}),
    ],
    ids=[
        "sent twice",
        "deleted while it ran",
        "the same without a source",
        "its content again",
        "stamped later",
    ],
)
def test_a_deleted_record_stays_gone_when_its_sender_repeats_it(
    store: Store, before: dict[str, Any], repeated: dict[str, Any]
) -> None:
    """A repeated delivery of a deleted record is answered as done, and nothing of it is kept."""
    put(store, completion(id="a", tags=["x"], session_id="s", **before))
    store.completions.delete_one(ORG, "a").result()

    outcome = put(store, completion(id="a", tags=["x"], session_id="s", **repeated))

    assert outcome.change is WriteEffect.DELETED
    assert outcome.stored.id == "a"
    assert store.completions.get(ORG, "a") is None
    assert (
        ids(store)
        == ids(store, CompletionFilter(tags=("x",)))
        == ids(store, CompletionFilter(text="fine"))
        == []
    )
    assert store.sessions.get(ORG, "s") is None
    assert store.reports.tags(ORG) == []


@pytest.mark.parametrize("sent", [SENT, {}], ids=["with a sequence", "without"])
def test_a_new_record_after_a_repeat_is_taken_in_the_same_request(store: Store, sent: dict[str, Any]) -> None:
    """A repeat refuses itself alone: what comes of the id after it is a record, and has nothing of it."""
    first = completion(id="a", tags=["x"], **sent)
    put(store, first)
    store.completions.delete_one(ORG, "a").result()

    coming = [first, first, completion(id="a", tags=["new"]), completion(id="a", tags=["later"])]
    outcomes = [future.result().change for future in store.completions.put_many(ORG, coming)]

    assert outcomes == [
        *[WriteEffect.DELETED] * 2,
        WriteEffect.CREATED,
        WriteEffect.MERGED,
    ]
    stored = store.completions.get(ORG, "a")
    assert stored is not None
    assert stored.fields["tags"] == '["new", "later"]'
    assert "source" not in stored.fields
    assert ids(store, CompletionFilter(tags=("x",))) == []
    assert ids(store) == ["a"]


def test_what_a_filter_deleted_stays_gone_after_a_restart(store: Store, store_url: str) -> None:
    """Deletions are remembered in the database, for their organization, and cost no other record."""
    gone = [completion(id=f"gone-{number}", tags=["x"], **SENT) for number in range(3)]
    put_all(store, gone)
    store.completions.delete(ORG, CompletionFilter(tags=("x",))).result()
    store.close()
    again = open_store(store_url)

    outcomes = again.completions.put_many(ORG, [completion(id="new"), *gone])
    other = again.completions.put(OTHER, gone[0])

    assert [outcome.result().change for outcome in outcomes] == [
        WriteEffect.CREATED,
        *[WriteEffect.DELETED] * 3,
    ]
    assert other.result().change is WriteEffect.CREATED
    assert ids(again) == ["new"]
    again.close()


@pytest.mark.parametrize("how", ["by time", "by size"])
@pytest.mark.parametrize("sent", [SENT, {}], ids=["with a sequence", "without"])
def test_a_pruned_record_stays_gone_when_its_sender_repeats_it(
    store: Store, how: str, sent: dict[str, Any]
) -> None:
    """What retention deleted does not come back, and what it never had is taken, however old."""
    old = completion(id="old", **sent)
    put(store, old)
    limits = {"before_ms": NOON_MS + 1} if how == "by time" else {"max_bytes": 1}
    store.maintenance.prune(**limits).result()
    assert ids(store) == []

    repeated = put(store, old)
    never_sent = put(store, completion(id="late", **({**sent, "sequence": 8} if sent else {})))

    assert (repeated.change, never_sent.change) == (WriteEffect.DELETED, WriteEffect.CREATED)
    assert ids(store) == ["late"]


def test_old_deletions_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pruning forgets deletions that are older than the bound, so that they do not fill the database."""
    first = completion(id="a")
    put(store, first)
    store.completions.delete_one(ORG, "a").result()

    later = time.time_ns() + (DAYS_REMEMBERED + 2) * DAY_MS * 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    store.maintenance.prune(before_ms=0).result()

    assert put(store, first).change is WriteEffect.CREATED
