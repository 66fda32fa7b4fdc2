"""The loss log of what was given up: it outlives processes, full disks and other hands."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.loss_log import NAME, LossLog

losses = st.builds(
    Loss,
    source=st.text(),
    reason=st.text(),
    first=st.integers(),
    last=st.integers(),
    count=st.integers(),
)


def loss(first: int = 1) -> Loss:
    return Loss(source="s", reason="spool_full", first=first, last=first, count=1)


@given(st.lists(losses, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_what_was_written_down_is_read_back(tmp_path: Path, written: list[Loss]) -> None:
    """Losses come back in order, whole; one that several processes have told of counts once."""
    (tmp_path / NAME).unlink(missing_ok=True)
    loss_log = LossLog(tmp_path)
    for each in written:
        loss_log.add(each)

    assert loss_log.losses() == list(dict.fromkeys(written))


def test_nothing_was_given_up_where_there_is_no_ledger(tmp_path: Path) -> None:
    """A spool that never lost anything has no loss log."""
    assert LossLog(tmp_path).losses() == []


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """The loss log is readable by its owner alone."""
    LossLog(tmp_path).add(loss())

    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[]", b'{"source": "s"}', b"\xff", b"null"])
def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path, line: bytes) -> None:
    """What somebody else wrote into the loss log hides nothing of what we did."""
    loss_log = LossLog(tmp_path)
    loss_log.add(loss(1))
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"\n" + line)
    loss_log.add(loss(2))

    assert loss_log.losses() == [loss(1), loss(2)]


def test_a_line_that_a_full_disk_cuts_short_is_told_and_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes half a line: that is an error, and the next line stands by itself."""
    loss_log, write = LossLog(tmp_path), os.write
    loss_log.add(loss(1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
        with pytest.raises(OSError, match="No space left"):
            loss_log.add(loss(2))
    loss_log.add(loss(3))

    assert loss_log.losses() == [loss(1), loss(3)]


def test_several_may_write_at_once(tmp_path: Path) -> None:
    """Lines of several writers never mix."""

    def write(first: int) -> None:
        for number in range(first, first + 50):
            LossLog(tmp_path).add(loss(number))

    writers = [threading.Thread(target=write, args=(first,)) for first in range(0, 400, 50)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()

    assert sorted(each.first for each in LossLog(tmp_path).losses()) == list(range(400))
