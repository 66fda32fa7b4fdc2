"""What is put comes back, to the last character."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace.domain.completion_record import parse
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, WriteEffect
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER, completion, put, put_all

EXACT = [
    '{"n": 123456789012345678901234567890}',
    '{"x": 1.50, "y": 1E5, "z": -0.0, "w": 1e400}',
    '{"s": "\\ud800 alone", "t": "\\u0000", "u": "\\/"}',
    '{"b": 1,  "a" :2,\n "b": 3}',
    f'{{"n": {"9" * 5000}}}',
    '"not an object"',
    "null",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["request", "response", "native_request", "native_response", "future"])
@pytest.mark.parametrize("text", EXACT)
def test_a_field_comes_back_spelled_as_it_was_sent(store: Store, name: str, text: str) -> None:
    """Big integers, floats, escapes, spaces, order and repeated keys are kept as they were written."""
    put(store, parse(f'{{"id": "a", "status": "finished", "{name}": {text}}}'))

    stored = store.completions.get(ORG, "a")

    assert stored is not None
    assert stored.fields[name] == text
    assert f'"{name}":{text}' in stored.to_json()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=json_values, response=json_values, extra=json_values)
def test_any_json_survives_the_store(store: Store, request: Any, response: Any, extra: Any) -> None:
    """Whatever JSON a program sends is what readers get."""
    incoming = completion(request=request, response=response, extra=extra)
    outcome = put(store, incoming)

    stored = store.completions.get(ORG, str(incoming.id))

    assert stored is not None
    assert stored.fields == incoming.fields
    assert json.loads(outcome.stored.to_json())["extra"] == extra


def test_a_record_is_readable_when_its_future_is_done(store: Store) -> None:
    """A write that is acknowledged is read back at once, and by a store that is opened later."""
    outcome = put(store, completion(id="a"))

    assert outcome.change is WriteEffect.CREATED
    assert store.completions.get(ORG, "a") == outcome.stored


def test_records_outlive_the_store(store_url: str) -> None:
    """What was acknowledged is there after the store was closed and opened again."""
    first = open_store(store_url)
    outcome = put(first, completion(id="a"))
    first.close()

    second = open_store(store_url)

    assert second.completions.get(ORG, "a") == outcome.stored
    second.close()


def test_closing_commits_what_was_accepted(store_url: str) -> None:
    """A write that was accepted before the store is closed is in the database after it."""
    first = open_store(store_url)
    futures = first.completions.put_many(ORG, [completion(id=f"a{number}") for number in range(300)])
    first.close()

    assert all(future.result().change is WriteEffect.CREATED for future in futures)
    second = open_store(store_url)
    assert second.completions.get(ORG, "a299") is not None
    second.close()


def test_an_id_is_made_when_none_is_given(store: Store) -> None:
    """A completion without an id gets one of its own."""
    one, other = put_all(store, [completion(id=...), completion(id=...)])

    assert one.stored.id != other.stored.id
    assert store.completions.get(ORG, one.stored.id) == one.stored


def test_an_unknown_id_is_none(store: Store) -> None:
    """Asking for a record that is not there gives nothing."""
    assert store.completions.get(ORG, "nothing") is None


def test_the_same_id_in_two_organizations_is_two_records(store: Store) -> None:
    """Organizations do not share ids: neither sees nor changes the other's record."""
    put(store, completion(id="a", tags=["mine"]))
    put(store, completion(id="a", tags=["theirs"]), OTHER)

    mine = store.completions.get(ORG, "a")

    assert mine is not None
    assert mine.fields["tags"] == '["mine"]'


def test_stacks_that_are_alike_come_back_to_each_record(store: Store) -> None:
    """Records of one call site share the room for their stack, and each gives it back whole."""
    stack = [{"file": "a.py", "line": "ask()", "lineno": 3, "name": "main"}]
    outcomes = put_all(store, [completion(stacktrace=stack) for _ in range(3)])

    read = [store.completions.get(ORG, outcome.stored.id) for outcome in outcomes]

    assert [json.loads(one.fields["stacktrace"]) for one in read if one] == [stack] * 3


def test_many_records_of_one_millisecond_are_all_kept(store: Store) -> None:
    """However many calls began in the same millisecond, each has a place of its own."""
    records = [completion(id=f"a{number:04d}") for number in range(1500)]
    put_all(store, records)

    streamed = [one.id for one in store.completions.stream(ORG, CompletionFilter())]

    assert sorted(streamed) == [one.id for one in records]
