"""For your own tests: the calls that your code makes, as records, without a server, a disk or a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from log10_trace import runtime
from log10_trace.models.components import Completion
from log10_trace.record.call import Call
from log10_trace.record.completion import to_model


class _Records:
    """A sink that keeps records in a list, in the order in which their calls ended."""

    def __init__(self) -> None:
        self.completions: list[Completion] = []

    def started(self, call: Call) -> None:
        """Nothing is shown of a call before it ends."""

    def ended(self, call: Call) -> None:
        """Keep the record."""
        self.completions.append(to_model(call))


@contextmanager
def capture() -> Iterator[list[Completion]]:
    """The records of the calls made inside, whether or not the program is patched.

    ::

        with log10_trace.testing.capture() as completions:
            my_code()
        assert completions[0].request.model == "gpt-4o"

    What was patched before delivers nothing meanwhile, and goes on afterwards.
    """
    records = _Records()
    with runtime.redirect_to(records):
        yield records.completions
