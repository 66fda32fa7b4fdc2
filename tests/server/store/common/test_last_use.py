"""The throttle on notes of a key's use."""

from __future__ import annotations

from concurrent.futures import Future

from log10_trace.server.store.common.last_use import LastUseThrottle
from log10_trace.server.store.errors import StoreBusyError


class Notes:
    """What was handed over to be written, by moment; each with its future."""

    def __init__(self) -> None:
        self.futures: dict[int, Future[None]] = {}
        self._throttle = LastUseThrottle()

    def use(self, now_ms: int, key_id: str = "key") -> bool:
        """Use a key; whether that is to be written."""

        def write() -> Future[None]:
            return self.futures.setdefault(now_ms, Future())

        self._throttle.note(key_id, now_ms, write)
        return now_ms in self.futures


def test_a_use_is_noted_a_minute_after_the_last_note() -> None:
    """The minute begins with the noted use; uses between do not lengthen it."""
    notes = Notes()

    noted = [notes.use(now_ms) for now_ms in (0, 1, 30_000, 59_999, 60_000, 119_999, 120_000)]

    assert noted == [True, False, False, False, True, False, True]


def test_each_key_is_noted_by_itself() -> None:
    """A much used key does not hide the use of another."""
    notes = Notes()

    assert notes.use(0, "one")
    assert notes.use(1, "another")
    assert not notes.use(2, "one")


def test_after_a_failed_write_the_next_use_is_noted() -> None:
    """A note that a full or closed store did not take is made up for, and so is one that was cancelled."""
    notes = Notes()
    notes.use(0)
    assert not notes.use(1)
    notes.futures[0].set_exception(StoreBusyError())
    assert notes.use(2)
    notes.futures[2].cancel()
    assert notes.use(3)
    notes.futures[3].set_result(None)

    assert not notes.use(4)
