"""Tells every delivery of a process when the process has forked."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """What wants to be told."""

    def after_fork_in_child(self) -> None:
        """This is the child."""
        ...

    def after_fork_in_parent(self) -> None:
        """This is the parent."""
        ...


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()


def watch(delivery: Forkable) -> None:
    """Tell ``delivery`` of every fork for as long as it is there."""
    _watched.add(delivery)


def _in_child() -> None:
    for delivery in list(_watched):
        delivery.after_fork_in_child()


def _in_parent() -> None:
    for delivery in list(_watched):
        delivery.after_fork_in_parent()


os.register_at_fork(after_in_child=_in_child, after_in_parent=_in_parent)
