"""An operation is described once: both clients have it, with its name, its arguments and its words."""

from __future__ import annotations

import inspect

import pytest

from log10_trace.client import AsyncLog10, Log10
from log10_trace.client.drivers import AsyncPages, Pages

RESOURCES = ("completions", "sessions", "feedback", "feedback_tasks", "sources")


@pytest.mark.parametrize("resource", RESOURCES)
def test_both_clients_have_the_same_operations(resource: str) -> None:
    """What one client can do the other can, with the same signature and the same docstring."""
    blocking, awaiting = getattr(Log10(), resource), getattr(AsyncLog10(), resource)
    names = [name for name in dir(blocking) if not name.startswith("_") and name != "driver"]

    assert names == [name for name in dir(awaiting) if not name.startswith("_") and name != "driver"]
    for name in names:
        first, second = getattr(blocking, name), getattr(awaiting, name)
        assert first.__doc__
        assert first.__doc__ == second.__doc__
        assert inspect.signature(first) == inspect.signature(second)


def test_lists_ask_nothing_before_they_are_read() -> None:
    """Making a list is free: nothing is asked before the first item is wanted."""
    with Log10(server_url="http://127.0.0.1:9") as client:
        assert isinstance(client.completions.list(), Pages)
    assert isinstance(AsyncLog10().completions.list(), AsyncPages)
