"""One record from several deliveries."""

from __future__ import annotations

import json
import time

import pytest

from log10_trace.domain.completion_record import parse
from log10_trace.domain.times import parse_rfc3339_ms
from log10_trace.server.store.data_types import CompletionFilter, WriteEffect
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER, answer, asked, completion, ids, put, put_all


def test_a_started_record_becomes_finished(store: Store) -> None:
    """A call that is first seen running is completed by its end, in one record."""
    put(store, completion(id="a", status="started", response=...))
    outcome = put(store, completion(id="a", status="finished", duration=1.5))

    assert outcome.change is WriteEffect.MERGED
    assert outcome.stored.fields["status"] == '"finished"'
    assert outcome.stored.fields["duration"] == "1.5"
    assert ids(store) == ["a"]


def test_a_late_start_takes_nothing_back(store: Store) -> None:
    """A record that has ended stays as it is when its beginning is delivered after it."""
    ended = put(store, completion(id="a", status="finished", duration=1.5)).stored
    outcome = put(store, completion(id="a", status="started", duration=0.1, response=...))

    assert outcome.change is WriteEffect.UNCHANGED
    assert store.completions.get(ORG, "a") == ended


def test_a_repeated_delivery_changes_nothing(store: Store) -> None:
    """Sending a record again is harmless: it is there once, and counted once."""
    record = completion(id="a", source="process", sequence=1)
    outcomes = put_all(store, [record, record, record])

    assert [outcome.change for outcome in outcomes] == [
        WriteEffect.CREATED,
        WriteEffect.UNCHANGED,
        WriteEffect.UNCHANGED,
    ]
    assert ids(store) == ["a"]


def test_a_write_says_whether_the_call_has_ended_with_it(store: Store) -> None:
    """Once for each call, whether its deliveries are committed together or one after the other."""
    running, ended = completion(id="a", status="started", response=...), completion(id="a")
    together = put_all(store, [running, running, ended, ended, completion(id="b")])
    later = [put(store, completion(id="b", tags=["new"])), put(store, completion(id="c", status="started"))]

    assert [outcome.has_ended_call for outcome in together] == [False, False, True, False, True]
    assert [outcome.has_ended_call for outcome in later] == [False, False]


def test_both_halves_in_one_commit_are_one_record(store: Store) -> None:
    """Beginning and end that come together are merged like any others, in the text index too."""
    put_all(
        store,
        [
            completion(id="a", status="started", request=asked("a giraffe"), response=...),
            completion(id="a", request=asked("a giraffe"), response=answer("an okapi")),
        ],
    )

    assert ids(store, CompletionFilter(text="giraffe")) == ["a"]
    assert ids(store, CompletionFilter(text="okapi")) == ["a"]
    assert ids(store, CompletionFilter(status="started")) == []


def test_tags_of_deliveries_are_united(store: Store) -> None:
    """A delivery adds tags, in order and each once; it never takes one away."""
    put(store, completion(id="a", tags=["x", "y"]))
    outcome = put(store, completion(id="a", tags=["z", "x"]))

    assert json.loads(outcome.stored.fields["tags"]) == ["x", "y", "z"]
    assert ids(store, CompletionFilter(tags=("z",))) == ["a"]


def test_an_update_sets_the_tags(store: Store) -> None:
    """An update with tags replaces them, so a tag can be taken off again."""
    put(store, completion(id="a", tags=["x", "y"]))
    put(store, completion(id="a", tags=["y", "z"]), replace_tags=True)

    assert ids(store, CompletionFilter(tags=("x",))) == []
    assert ids(store, CompletionFilter(tags=("y", "z"), tag_match="all")) == ["a"]


def test_the_columns_follow_the_record(store: Store) -> None:
    """What lists are filtered by is what the merged record says."""
    put(store, completion(id="a", session_id="first", request=asked("hello", model="gpt-4o")))
    put(store, completion(id="a", session_id="second", request=asked("goodbye", model="o3-mini")))

    assert ids(store, CompletionFilter(session_id="first")) == []
    assert ids(store, CompletionFilter(session_id="second", model="o3-mini")) == ["a"]
    assert ids(store, CompletionFilter(text="hello")) == []
    assert ids(store, CompletionFilter(text="goodbye")) == ["a"]


def test_a_failed_item_costs_the_others_nothing(store: Store) -> None:
    """In a group of writes that share a commit, one that cannot be written fails alone."""
    hopeless = completion(id="b", created_at=..., session_id="s")
    broken = type(hopeless)(
        id="b",
        organization_id=None,
        fields=hopeless.fields,
        values=hopeless.values | {"session_id": object()},
    )
    futures = store.completions.put_many(ORG, [completion(id="a"), broken, completion(id="c")])

    assert futures[1].exception() is not None
    assert futures[0].result().change is futures[2].result().change is WriteEffect.CREATED
    assert sorted(ids(store)) == ["a", "c"]


def test_an_answer_that_came_whole_is_not_interrupted(store: Store) -> None:
    """What said that the first answer was cut, and how its body was spelled, goes with that answer."""
    put(
        store,
        completion(
            id="a",
            response=answer("Half"),
            interrupted=True,
            raw_response="NaN",
            raw_events=[{}],
            raw_request="x",
        ),
    )
    outcome = put(store, completion(id="a", status="finished", response=answer("A whole answer")))

    assert not {"interrupted", "raw_response", "raw_events"} & set(outcome.stored.fields)
    assert outcome.stored.fields["raw_request"] == '"x"'
    assert store.completions.get(ORG, "a") == outcome.stored


def test_an_interrupted_answer_stays_interrupted(store: Store) -> None:
    """A repeated delivery, a late start and an update of other fields say nothing of the answer."""
    interrupted = {"response": answer("Half"), "interrupted": True, "raw_response": "NaN"}
    put(store, completion(id="a", **interrupted))
    put(store, completion(id="a", **interrupted))
    put(store, completion(id="a", status="started", response=answer("Nothing")))
    outcome = put(store, completion(id="a", status=..., response=..., tags=["x"]))

    assert outcome.stored.fields["interrupted"] == "true"
    assert outcome.stored.fields["raw_response"] == '"NaN"'


def created_at(store: Store, completion_id: str) -> set[str]:
    """The time of a record in every form it is read in; it is one."""
    stored = store.completions.get(ORG, completion_id)
    assert stored is not None
    listed = store.completions.page(ORG, CompletionFilter(), limit=1).items[0].fields["created_at"]
    streamed = next(store.completions.stream(ORG, CompletionFilter())).fields["created_at"]
    return {stored.fields["created_at"], listed, streamed}


@pytest.mark.parametrize("given", [..., None])
def test_a_record_without_a_time_has_that_of_its_first_arrival(store: Store, given: object) -> None:
    """Whatever comes later, and however often, the time is that of the first arrival."""
    before_ms = time.time_ns() // 1_000_000
    first = put(store, completion(id="a", status="started", response=..., created_at=given)).stored
    after_ms = time.time_ns() // 1_000_000
    merged = put(store, completion(id="a", created_at=given))
    repeated = put(store, completion(id="a", created_at=given))

    moment_ms = parse_rfc3339_ms(json.loads(first.fields["created_at"])) or 0
    assert before_ms <= moment_ms <= after_ms
    assert created_at(store, "a") == {first.fields["created_at"]}
    assert (merged.change, repeated.change) == (WriteEffect.MERGED, WriteEffect.UNCHANGED)
    assert merged.stored.fields["created_at"] == repeated.stored.fields["created_at"]
    assert store.completions.get(ORG, "a") == merged.stored
    assert ids(store, CompletionFilter(since_ms=moment_ms, until_ms=moment_ms + 1)) == ["a"]


def test_a_record_without_a_time_has_that_of_its_id(store: Store) -> None:
    """A UUIDv7 says when the call began; so it is listed there, and says so."""
    put(store, completion(id="019ca945-0a00-7000-8000-000000000000", created_at=...))

    assert created_at(store, "019ca945-0a00-7000-8000-000000000000") == {'"2026-03-01T12:00:00.000Z"'}


def test_a_time_that_is_given_is_kept(store: Store) -> None:
    """An imported record keeps its time as it is spelled, also when it comes again without one."""
    put(store, completion(id="a", created_at="2026-03-01T13:00:00.5+01:00"))
    put(store, completion(id="a", created_at=..., duration=1.5))

    assert created_at(store, "a") == {'"2026-03-01T13:00:00.5+01:00"'}


def test_records_that_come_together_have_times(store: Store) -> None:
    """Beginning and end in one commit are one record with one time."""
    halves = [completion(id="a", status="started", created_at=...), completion(id="a", created_at=...)]
    outcomes = put_all(store, halves)

    assert {outcome.stored.fields["created_at"] for outcome in outcomes} == created_at(store, "a")


@pytest.mark.parametrize("given", [..., None])
def test_a_time_of_arrival_is_exported_like_any_other(store: Store, given: object) -> None:
    """Exported, imported and exported again, a record that came without a time has the same text."""
    put(store, completion(id="a", created_at=given, stacktrace=[], future=1))
    first = store.completions.get(ORG, "a")
    assert first is not None
    again = put(store, parse(first.to_json()), OTHER)
    second = store.completions.get(OTHER, "a")
    assert second is not None

    assert list(first.fields.items()) == list(second.fields.items())
    assert again.stored.fields["created_at"] == first.fields["created_at"]
