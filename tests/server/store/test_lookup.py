"""Ids are found by what they begin or end with."""

from __future__ import annotations

import pytest

from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER, completion, put_all

OLD, NEW, SHARED = (
    "01900000-0000-7000-8000-00000000aaaa",
    "01900000-0001-7000-8000-00010000aaaa",
    "01910000-0000-7000-8000-0000deadbeef",
)


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with ids of two organizations, and some that are no UUIDs."""
    ours = (OLD, NEW, SHARED, "beef", "call-1", "call-10", "größe-ß€", "x%_%x")
    put_all(store, [completion(id=each) for each in ours])
    put_all(store, [completion(id=each) for each in (SHARED, "0191-other-beef")], OTHER)
    return store


EXPECTED = {
    "0190": [NEW, OLD],
    "01900000-0001": [NEW],
    "aaaa": [NEW, OLD],
    "10000aaaa": [NEW],
    "00010000aaaa": [NEW],
    "0-000000000000aaaa": [],
    "adbeef": [SHARED],
    "deadbeef": [SHARED],
    "beef": ["beef"],
    "call-1": ["call-1"],
    "call": ["call-10", "call-1"],
    "ll-1": ["call-1"],
    "e-ß€": ["größe-ß€"],
    "größ": ["größe-ß€"],
    "%_%x": ["x%_%x"],
    "____": [],
    NEW: [NEW],
    "01a22b74-6d55-7665-94cc-637bc305df54": [],
}
"""Parts of ids, and the ids they stand for."""


def test_ids_by_part(filled: Store) -> None:
    """A beginning and an end give all ids that have it; a whole id gives itself alone."""
    assert {part: filled.completions.find_ids(ORG, part, limit=10) for part in EXPECTED} == EXPECTED


def test_ids_of_other_organizations(filled: Store) -> None:
    """Ids of another organization are not found."""
    assert filled.completions.find_ids(OTHER, "0191", limit=10) == [SHARED, "0191-other-beef"]
    assert filled.completions.find_ids(OTHER, "call", limit=10) == []
    assert filled.completions.find_ids("nobody", SHARED, limit=10) == []


def test_ids_up_to_a_limit(store: Store) -> None:
    """The greatest ids come first, as many as are asked for."""
    put_all(store, [completion(id=f"0190-{number:02d}-end") for number in range(20)])

    assert store.completions.find_ids(ORG, "-end", limit=3) == ["0190-19-end", "0190-18-end", "0190-17-end"]
    assert store.completions.find_ids(ORG, "0190", limit=2) == ["0190-19-end", "0190-18-end"]
