"""Our own faults never reach the user's program."""

from __future__ import annotations

from pathlib import Path

import pytest

from log10_trace.guard import Faults, faults, guard, say_once_a_minute


def test_a_fault_is_counted_logged_and_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    """An exception inside a guard does not leave it; it is counted, and logged with its kind and place."""
    with guard("sorting the socks"):
        raise ValueError

    assert faults.counts()["sorting the socks"] == 1
    assert "error while sorting the socks: ValueError" in caplog.text
    assert "test_guard.py" in caplog.text


def test_a_fault_is_logged_without_words_of_the_program(caplog: pytest.LogCaptureFixture) -> None:
    """An exception's message may repeat a prompt, and so may the one before it: neither is told."""
    said = "the secret plan"
    try:
        float(said)
    except ValueError:
        with guard("keeping words to ourselves"):
            int(said)

    assert "keeping words to ourselves: ValueError" in caplog.text
    assert said not in caplog.text


def test_a_fault_of_the_system_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    """What the system says names a file or a reason, and helps."""
    with guard("opening a file that is not there"):
        Path("/no/such/file").read_text()

    assert "/no/such/file" in caplog.text


def test_the_same_fault_is_logged_once_a_minute() -> None:
    """Faults of one kind are due for the log when a minute has passed since the last one logged."""
    counted = Faults()

    due = [counted.add("x", now) for now in (0.0, 30.0, 61.0, 62.0)]

    assert due == [True, False, True, False]
    assert counted.counts() == {"x": 4}


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_not_a_fault_passes(leaving: type[BaseException]) -> None:
    """Interrupts and exits are the program's own and pass through a guard."""
    with pytest.raises(leaving), guard("anything"):
        raise leaving


def test_a_warning_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The same message is logged once a minute, whatever its arguments."""
    for number in range(3):
        say_once_a_minute("%d socks are missing", number)

    assert [record.getMessage() for record in caplog.records] == ["0 socks are missing"]
