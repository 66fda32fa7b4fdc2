"""Tells every delivery of a process when the process has forked, or ends as a forked child does."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from typing import Protocol


class ForkAware(Protocol):
    """What wants to be told."""

    def after_fork_in_child(self) -> None:
        """This is the child."""
        ...


_watched: weakref.WeakSet[ForkAware] = weakref.WeakSet()


def register(delivery: ForkAware) -> None:
    """Tell ``delivery`` of every fork for as long as it is there."""
    _watched.add(delivery)


def register_multiprocessing_finalizer(end: Callable[[], None]) -> None:
    """Call ``end`` when this process, as a child of multiprocessing, ends: that runs no ``atexit``."""
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if process is not None and util is not None and process.parent_process() is not None:
        # With a priority: when a process ends, multiprocessing passes over finalizers without one.
        util.Finalize(None, end, exitpriority=0)


def _in_child() -> None:
    for delivery in list(_watched):
        delivery.after_fork_in_child()


# One hook for all: it cannot be taken back, and one for each delivery would keep every delivery alive.
os.register_at_fork(after_in_child=_in_child)
