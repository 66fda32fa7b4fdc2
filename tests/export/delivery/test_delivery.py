"""Delivery as a whole: its one thread, from its first call to its retirement."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import delivery, keep, settled
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

        assert made.flush(10.0)
        assert made.stats().delivered == 3
        until(lambda: not at_work(), "the thread has ended")
