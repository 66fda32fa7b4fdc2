"""What commits change, in ClickHouse: this server's at once, those of others by polling."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.guard import guard
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.errors import is_connection_lost
from log10_trace.server.store.common.changes import ChangeListeners, call_listener
from log10_trace.server.store.data_types import CompletionChange
from log10_trace.server.store.protocol import ChangeListener

_POLL_S: Final = 0.5
_READY_S: Final = 30.0
"""How long a watch waits for the first poll; one that fails ends the wait."""
_LATE_US: Final = 5_000_000
"""How long after its time a change of another server may become visible."""
_MOST_ROWS: Final = 1_000
"""Changes of one commit that are named; of more it is told that something changed."""


class ClickHouseChanges:
    """See ``protocol.Changes``. Holds a connection and a thread only while somebody watches."""

    def __init__(self, server: str, open_connection: Callable[[], Connection]) -> None:
        self._server = server
        self._open = open_connection
        self._listeners = ChangeListeners()
        self._lock = threading.Lock()
        self._poller: _Poller | None = None
        self._numbers = itertools.count()

    def announce(self, connection: Connection, changes: Sequence[CompletionChange] | None) -> None:
        """Tell this server's watchers and those of the others what a commit changed."""
        if changes is not None and not changes:
            return
        named = changes if changes is not None and len(changes) <= _MOST_ROWS else [_ANYTHING]
        with guard("telling other servers what changed"):
            connection.insert("changes", [(self._server, next(self._numbers), *change) for change in named])
        self._listeners.publish(changes)

    def watch(self, listener: ChangeListener) -> Callable[[], None]:
        """Have ``listener`` called after commits; first with None, once changes of other servers are seen."""
        with self._lock:
            if self._poller is None:
                self._poller = _Poller(self._server, self._open, self._listeners)
            self._poller.wait_until_ready()
        stop_listener = self._listeners.add(listener)
        call_listener(listener, None)

        def stop() -> None:
            stop_listener()
            if not self._listeners:
                self.close(0)

        return stop

    def close(self, timeout: float) -> None:
        """Poll no more; waits ``timeout`` seconds for the thread to end."""
        with self._lock:
            poller, self._poller = self._poller, None
        if poller is not None:
            poller.close(timeout)


_ANYTHING: Final = CompletionChange("", "", "", None)
"""Of a row that says that records may have changed that it does not name."""


class _Poller:
    """Reads the changes of other servers, again and again."""

    def __init__(
        self, server: str, open_connection: Callable[[], Connection], listeners: ChangeListeners
    ) -> None:
        self._server = server
        self._open = open_connection
        self._listeners = listeners
        self._stopped = threading.Event()
        self._is_ready = threading.Event()
        self._connection: Connection | None = None
        self._since_us: int | None = None
        self._told: dict[tuple[str, int], int] = {}
        """Rows of the last seconds that were told, and their times."""
        self._thread = threading.Thread(target=self._run, name="log10-changes", daemon=True)
        self._thread.start()

    def wait_until_ready(self) -> None:
        """Wait for the first poll, so that no later change is missed; not for a database that is away."""
        self._is_ready.wait(_READY_S)

    def close(self, timeout: float) -> None:
        """Stop."""
        self._stopped.set()
        if timeout:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with guard("asking what other servers changed"):
                self._poll()
            self._is_ready.set()
            self._stopped.wait(_POLL_S)
        if self._connection is not None:
            self._connection.close()

    def _poll(self) -> None:
        try:
            self._connection = self._connection or self._open()
            if self._since_us is None:
                self._begin(self._connection)
            else:
                self._tell(self._read(self._connection, self._since_us))
        except ClickHouseError as error:
            if is_connection_lost(error) and self._connection is not None:
                self._connection.close()
                self._connection = None

    def _begin(self, connection: Connection) -> None:
        ((now_us,),) = connection.rows("now", {})
        self._read(connection, now_us)
        self._since_us = now_us

    def _read(self, connection: Connection, since_us: int) -> list[CompletionChange]:
        values = {"since_us": since_us - _LATE_US, "server": self._server}
        fresh = []
        for at_us, server, number, *change in connection.rows("changes_since", values):
            if (server, number) not in self._told:
                self._told[server, number] = at_us
                fresh.append(CompletionChange(*change))
                self._since_us = max(self._since_us or 0, at_us)
        return fresh

    def _tell(self, fresh: Sequence[CompletionChange]) -> None:
        oldest = (self._since_us or 0) - 2 * _LATE_US
        self._told = {row: at_us for row, at_us in self._told.items() if at_us > oldest}
        if fresh:
            self._listeners.publish(None if _ANYTHING in fresh else fresh)
