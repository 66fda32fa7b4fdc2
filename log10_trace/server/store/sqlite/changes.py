"""What commits change, in SQLite: the writing thread of this process calls those who watch."""

from __future__ import annotations

from collections.abc import Callable

from log10_trace.server.store.common.changes import ChangeListeners, call_listener
from log10_trace.server.store.protocol import ChangeListener


class SqliteChanges:
    """See ``protocol.Changes``. What another process does to the file, as pruning may, is not told."""

    def __init__(self) -> None:
        self.listeners = ChangeListeners()

    def watch(self, listener: ChangeListener) -> Callable[[], None]:
        """Have ``listener`` called after commits; first with None, at once."""
        stop = self.listeners.add(listener)
        call_listener(listener, None)
        return stop
