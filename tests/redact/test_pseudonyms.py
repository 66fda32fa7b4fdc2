"""Pseudonyms: the same mark for the same value, and none that leads back to it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from log10_trace import redact
from log10_trace.redact.pseudonym_marks import KeyedMarks, NumberedMarks
from tests.redact.test_detectors import content, of


def test_the_same_value_has_the_same_number_in_all_records() -> None:
    """Spellings of one value are one; another value has the next number of its kind."""
    hide = redact.pseudonyms(redact.emails, redact.phones)

    first = content(hide(of("ada@example.org wrote to Bob@Example.org, +44 20 7946 0958")))
    second = content(hide(of("bob@example.org and ADA@example.org, 0044 20 7946-0958, eve@example.org")))

    assert first == "<email:1> wrote to <email:2>, <phone:1>"
    assert second == "<email:2> and <email:1>, <phone:1>, <email:3>"


def test_a_pseudonym_is_left_as_it_is() -> None:
    """To redact once more changes nothing, even where the detector would match the mark."""
    hide = redact.pseudonyms(redact.emails, redact.pattern("[a-z]+", "word"))
    once = content(hide(of("Ada ada@example.org")))

    assert content(hide(of(once))) == once


def test_a_key_makes_pseudonyms_that_other_processes_make_too() -> None:
    """With a key, a pseudonym is a digest: the same for the same key, another for another key."""
    one, same, other = (redact.pseudonyms(redact.emails, key=key * 16) for key in ("a", b"a", "b"))
    marks = [content(each(of("ada@example.org"))) for each in (one, same, other)]

    assert marks[0] == marks[1] != marks[2]
    assert marks[0].startswith("<email:")
    assert len(marks[0]) == len("<email:>") + 12
    assert "aaaa" not in repr(one)


def test_memory_is_bounded_and_numbers_are_not_used_twice() -> None:
    """Of the values that were not seen lately nothing is held; they get a new number."""
    marks = NumberedMarks(max_values=2)

    values = ["ada@one", "ada@two", "ada@one", "ada@three", "ada@two"]

    assert [marks.write("x", each) for each in values] == ["<x:1>", "<x:2>", "<x:1>", "<x:3>", "<x:4>"]
    assert len(marks._numbers) == 2
    assert "ada" not in str(vars(marks))


def test_a_forked_child_can_write_marks() -> None:
    """The lock that another thread held at the moment of the fork is a new one in the child."""
    marks = NumberedMarks()
    marks.write("x", "a")
    marks._lock.acquire()
    child = os.fork()
    if child == 0:
        os._exit(0 if marks.write("x", "a") == "<x:1>" else 1)
    marks._lock.release()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_marks_of_kinds_say_what_was_there() -> None:
    """``named_marks`` writes the kind alone."""
    text = "ada@example.org, 4111 1111 1111 1111"

    assert content(redact.named_marks()(of(text))) == "<email>, <card>"
    assert content(redact.named_marks(redact.cards)(of(text))) == "ada@example.org, <card>"


@pytest.mark.parametrize(
    ("arguments", "key", "error"),
    [((), "short", ValueError), (("emails",), None, TypeError), ((redact.path("$.x"),), None, TypeError)],
)
def test_bad_arguments_are_errors(arguments: Any, key: Any, error: type[Exception]) -> None:
    """A key that can be guessed, or what is no detector, is refused when the redactor is made."""
    with pytest.raises(error):
        redact.pseudonyms(*arguments, key=key)


def test_a_digest_cannot_be_computed_without_the_key() -> None:
    """Marks of two keys have nothing in common."""
    values = [f"{number:09d}" for number in range(50)]
    first, second = ({KeyedMarks(key * 16).write("ssn", each) for each in values} for key in (b"a", b"b"))

    assert not first & second
