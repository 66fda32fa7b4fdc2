"""What a write does to a record."""

from __future__ import annotations

import pytest

from log10_trace.server.store.common.record_writes import (
    apply_write,
    build_write_result,
    ends_call,
    ensure_id,
    memory_size,
)
from log10_trace.server.store.data_types import WriteEffect
from tests.server.store.factories import NOON, NOON_MS, ORG, completion


def test_a_record_without_an_id_gets_one() -> None:
    """An id that came with the record stays; a made one is new each time."""
    made = [ensure_id(completion(id=...)).id for _ in range(2)]

    assert None not in made
    assert len(set(made)) == 2
    assert ensure_id(completion(id="mine")).id == "mine"


@pytest.mark.parametrize(
    ("stored", "incoming", "effect", "tags"),
    [
        (None, ["a"], WriteEffect.CREATED, '["a"]'),
        (["a"], ["a"], WriteEffect.UNCHANGED, '["a"]'),
        (["a"], ["b"], WriteEffect.MERGED, '["a","b"]'),
    ],
)
def test_the_effect_of_a_write(
    stored: list[str] | None, incoming: list[str], effect: WriteEffect, tags: str
) -> None:
    """A write creates, merges or changes nothing; what comes out is the record after it."""
    before = None if stored is None else completion(id="a", tags=stored)

    found, after = apply_write(before, completion(id="a", tags=incoming), replace_tags=False)

    assert (found, after.fields["tags"].replace(" ", "")) == (effect, tags)


@pytest.mark.parametrize(
    ("stored", "after", "expected"),
    [
        (None, "started", False),
        (None, "finished", True),
        ("started", "started", False),
        ("started", "failed", True),
        ("failed", "finished", False),
    ],
)
def test_a_call_ends_once(stored: str | None, after: str, expected: bool) -> None:
    """With the write before which it had not ended, whatever comes later."""
    before = None if stored is None else completion(id="a", status=stored)

    assert ends_call(before, completion(id="a", status=after)) is expected


def test_an_update_replaces_tags() -> None:
    """An update can take tags away, which is a change."""
    before = completion(id="a", tags=["a", "b"])

    effect, after = apply_write(before, completion(id="a", tags=["b"]), replace_tags=True)

    assert (effect, after.fields["tags"].replace(" ", "")) == (WriteEffect.MERGED, '["b"]')


def test_a_result_says_when_the_record_stands_to_have_begun() -> None:
    """A record without a moment is dated by its place in lists; one with a moment keeps it."""
    without = build_write_result(WriteEffect.CREATED, ORG, "a", {"tags": "[]"}, NOON_MS)
    dated = build_write_result(WriteEffect.CREATED, ORG, "a", {"created_at": f'"{NOON}"'}, 1)

    assert without.stored.fields == {"tags": "[]", "created_at": '"2026-03-01T12:00:00.000Z"'}
    assert dated.stored.fields == {"created_at": f'"{NOON}"'}
    assert (dated.change, dated.stored.organization_id, dated.stored.id) == (WriteEffect.CREATED, ORG, "a")


def test_the_size_of_a_record_grows_with_its_text() -> None:
    """The queue is bounded by what its records keep in memory."""
    small, large = completion(id="a"), completion(id="a", comment="x" * 10_000)

    assert memory_size(large) - memory_size(small) >= 10_000
