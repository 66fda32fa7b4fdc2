"""Delivery as a whole: its one thread, from its first call to its retirement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from log10_trace import threads
from log10_trace.export import Delivery
from log10_trace.export.spool.journal import Journal
from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import config, delivery, keep, settled
from tests.export.interleaving import at_every_moment
from tests.processes import until


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def at_work() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "log10-trace"]


def test_a_call_that_ends_after_the_retirement_is_delivered_and_leaves_no_thread(
    api: CompletionsAPI,
) -> None:
    """What was begun under settings that hold no longer is delivered, and then there is peace."""
    with delivery(api.url) as made:
        keep(made, 1)
        made.stop_in_background()
        until(lambda: not at_work(), "the thread has ended")

        keep(made, 1)

        until(lambda: not at_work(), "the thread for the late call has ended")
        assert [len(each) for each in api.sequences().values()] == [1, 1]
        assert made.stats().delivered == 2
        assert settled(made)


def test_a_retired_delivery_that_is_flushed_leaves_no_thread(api: CompletionsAPI) -> None:
    """What a retired delivery could not deliver is sent by flush, whose thread ends with it."""
    api.behave(does.status(503))
    with delivery(api.url) as made:
        keep(made, 3)
        made.stop_in_background()
        until(lambda: not at_work(), "it has given up")
        assert made.stats().pending == 3

        api.behave(does.work)

        assert made.flush(60.0)
        assert made.stats().delivered == 3
        until(lambda: not at_work(), "the thread has ended")


BEGINNING = (Delivery._open_journal.__code__, Delivery._build_worker.__code__)
"""Where a thread's beginning is interrupted: a signal handler runs between any two of these instructions."""
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.mark.parametrize("handler", ["flush", "call"])
def test_a_signal_handler_while_a_thread_begins_begins_no_second_one(
    monkeypatch: pytest.MonkeyPatch, handler: str
) -> None:
    """A ``flush`` in a call, or a call in a ``flush``, at any moment: one thread delivers the journal."""
    with delivery(CLOSED_PORT) as dead:
        keep(dead, 1)
    begun: list[Journal | None] = []

    def note(run: Callable[[], None], _name: str) -> None:
        assert isinstance(run, partial)
        begun.append(run.args[1])

    monkeypatch.setattr(threads, "start", note)
    for play in at_every_moment(BEGINNING):
        made = Delivery(config(CLOSED_PORT))
        steps: list[Callable[[], Any]] = [partial(keep, made, 1), partial(made.flush, 0.0)]
        begun.clear()

        play(*(steps if handler == "flush" else reversed(steps)))
        keep(made, 1)  # in the last turn the end of the play comes first

        journal = made.sink.journal
        assert journal is not None
        assert begun.count(journal) == 1
        assert made._worker is not None
        assert made._worker.journal is journal
        journal.end()
