"""What commits change, in PostgreSQL: writers notify, and a thread listens while somebody watches."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Final

import psycopg
from psycopg import Connection

from log10_trace.guard import guard, log_rate_limited
from log10_trace.server.store.common.changes import (
    ANYTHING,
    ChangeListeners,
    call_listener,
    decode_changes,
    encode_changes,
)
from log10_trace.server.store.data_types import CompletionChange
from log10_trace.server.store.postgres.connections import Row, connect
from log10_trace.server.store.postgres.locks import WATCHERS_LOCK
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.protocol import ChangeListener

_SQL: Final = load("changes.sql")
_PAYLOAD_BYTES: Final = 7_900
"""PostgreSQL takes less than 8,000."""
_RECONNECT_S: Final = 1.0
_CHECK_S: Final = 20.0
"""Seconds of silence after which the connection is asked whether it still stands."""


def notify(connection: Connection[Row], changes: Iterable[CompletionChange]) -> None:
    """Have every server that watches told after the commit. Inside a transaction."""
    if payloads := encode_changes(changes, _PAYLOAD_BYTES):
        connection.execute(_SQL["notify"], {"payloads": payloads, "lock": WATCHERS_LOCK})


def notify_unnamed(connection: Connection[Row]) -> None:
    """Have every server that watches told that records may have changed. Inside a transaction."""
    connection.execute(_SQL["notify"], {"payloads": [ANYTHING], "lock": WATCHERS_LOCK})


class PostgresChanges:
    """See ``protocol.Changes``. Holds a connection and a thread only while somebody watches."""

    def __init__(self, settings: str) -> None:
        self._settings = settings
        self._listeners = ChangeListeners()
        self._lock = threading.Lock()
        self._thread: _ListenThread | None = None

    def watch(self, listener: ChangeListener) -> Callable[[], None]:
        """Have ``listener`` called after commits; first with None, once PostgreSQL tells this server."""
        stop_listener = self._listeners.add(listener)
        with self._lock:
            if self._thread is None:
                self._thread = _ListenThread(self._settings, self._listeners)
            elif self._thread.is_listening:
                call_listener(listener, None)

        def stop() -> None:
            stop_listener()
            if not self._listeners:
                self.close(0)

        return stop

    def close(self, timeout: float) -> None:
        """Listen no more; waits ``timeout`` seconds for the thread to end."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop(timeout)


class _ListenThread:
    """Listens on a connection of its own, made again when it is lost."""

    def __init__(self, settings: str, listeners: ChangeListeners) -> None:
        self._settings = settings
        self._listeners = listeners
        self._waking, self._woken = socket.socketpair()
        self._stopped = threading.Event()
        self.is_listening = False
        self._thread = threading.Thread(target=self._run, name="log10-changes", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stopped.set()
        self._waking.close()
        self._thread.join(timeout)

    def _run(self) -> None:
        with self._woken:
            while not self._stopped.is_set():
                with guard("listening for changes"):
                    self._run_once()
                self._stopped.wait(_RECONNECT_S)

    def _run_once(self) -> None:
        try:
            with connect(self._settings) as connection:
                self._listen(connection)
        except psycopg.OperationalError as error:
            log_rate_limited("log10_trace: changes wait for PostgreSQL (%s)", type(error).__name__)
        finally:
            self.is_listening = False

    def _listen(self, connection: Connection[Row]) -> None:
        connection.execute(_SQL["listen"])
        # Waits for the writers that saw no watcher: what they commit is there when the listeners are called.
        connection.execute(_SQL["hold"], {"lock": WATCHERS_LOCK})
        self.is_listening = True
        self._listeners.publish(None)
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopped.is_set():
                for notification in connection.notifies(timeout=0):
                    self._publish(notification.payload)
                if not selector.select(_CHECK_S):
                    connection.execute(b"SELECT 1")

    def _publish(self, payload: str) -> None:
        changes = None
        with guard("reading what changed"):
            changes = decode_changes(payload)
        self._listeners.publish(changes)
