"""Ids of records."""

from __future__ import annotations

import os
import random
import time
from uuid import RFC_4122, UUID

import pytest

from log10_trace.domain.ids import id_time_ms, new_id


def test_a_new_id_is_a_uuid_of_version_seven() -> None:
    """Version and variant are RFC 9562's, whatever the random bits are."""
    numbers = [UUID(new_id()) for _ in range(200)]

    assert {(number.version, number.variant) for number in numbers} == {(7, RFC_4122)}
    assert len(set(numbers)) == len(numbers)


def test_an_id_carries_the_millisecond_it_was_made_in() -> None:
    """The time of a new id lies between the clock before and after."""
    before_ms = time.time_ns() // 1_000_000
    made_ms = id_time_ms(new_id())
    after_ms = time.time_ns() // 1_000_000

    assert made_ms is not None
    assert before_ms <= made_ms <= after_ms


def test_ids_take_no_numbers_from_the_generator_of_the_program() -> None:
    """A program that seeds ``random`` has the same numbers with us, and two such programs other ids."""
    state = random.getstate()
    try:
        random.seed(1)
        expected = random.random()
        random.seed(1)
        assert len({new_id(0) for _ in range(200)}) == 200
        assert random.random() == expected
    finally:
        random.setstate(state)


def test_a_forked_child_makes_ids_of_its_own() -> None:
    """Random bits that were drawn before the fork are the parent's alone."""
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id(0).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="ascii") as pipe:  # noqa: PTH123 -- a descriptor, not a path
        made = pipe.read()
    os.waitpid(child, 0)

    assert made.startswith("00000000-0000-7")
    assert made not in {new_id(0) for _ in range(200)}


@pytest.mark.parametrize(
    "identifier",
    [None, "", "call-1", "7f3c1c0e-52a4-4be9-af04-034610360ead", "019ca945-0a00-7000-8000-00000000"],
)
def test_other_ids_carry_no_time(identifier: str | None) -> None:
    """No id, text, a random UUID, one that is cut off."""
    assert id_time_ms(identifier) is None
