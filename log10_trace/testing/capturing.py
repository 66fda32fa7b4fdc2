"""``capture()``: the calls of a block as records; and the same beside wherever the calls go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from log10_trace import runtime
from log10_trace.models.components import Completion
from log10_trace.record.call import Call
from log10_trace.record.completion_model import to_model


class _Records:
    """A sink that keeps records in a list, in the order in which their calls ended."""

    def __init__(self) -> None:
        self.completions: list[Completion] = []

    def on_start(self, call: Call) -> None:
        """Nothing is shown of a call before it ends."""

    def on_end(self, call: Call) -> None:
        """Keep the record."""
        self.completions.append(to_model(call, with_request_metadata=True))


@contextmanager
def capture() -> Iterator[list[Completion]]:
    """The records of the calls made inside, whether or not the program is patched.

    ::

        with log10_trace.testing.capture() as completions:
            my_code()
        assert completions[0].request.model == "gpt-4o"

    What was patched before delivers nothing meanwhile, and goes on afterwards. A record gets into
    the list when its call ends; that of a stream which is read after the block, then.

    The redirection belongs to the process, not to the thread or the task that entered the block:

    - Threads and asyncio tasks: the calls of all of them are recorded while the block is open, also
      those of unrelated code. A call that began before the block goes to where calls went then.
    - Nested blocks: the innermost one gets the calls.
    - Overlapping blocks, in two threads or two tasks of one process, are not supported: records get into the
      wrong list, and the block that was entered first stays in force after both have ended.
    - Processes: the workers of pytest-xdist do not affect one another. Subprocesses are not seen.
      A forked child records into its own copy of the list.

    Raises:
        ConfigError: a setting in the environment cannot be used.
    """
    records = _Records()
    with runtime.redirect_to(records):
        yield records.completions


@contextmanager
def observe() -> Iterator[list[Completion]]:
    """As ``capture()``, but calls also go to where they go without it: to the server, or to ``capture()``.

    Raises:
        ConfigError: a setting in the environment cannot be used.
    """
    records = _Records()
    with runtime.observed_by(records):
        yield records.completions
