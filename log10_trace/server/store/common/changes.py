"""Tells watchers what a commit changed, and spells it as text between servers. No SQL here."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from log10_trace.guard import guard
from log10_trace.server.store.data_types import CompletionChange
from log10_trace.server.store.protocol import ChangeListener

ANYTHING: Final = "null"
"""The text that says that records of any organization may have changed."""


class ChangeListeners:
    """The functions to call after a commit. Safe to use from any thread."""

    def __init__(self) -> None:
        self._listeners: tuple[ChangeListener, ...] = ()
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        """Whether anybody watches."""
        return bool(self._listeners)

    def add(self, listener: ChangeListener) -> Callable[[], None]:
        """Have ``listener`` called from now on; a function that ends this."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def stop() -> None:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not listener)

        return stop

    def publish(self, changes: Sequence[CompletionChange] | None) -> None:
        """Call every listener; one that raises costs neither the commit nor the others."""
        for listener in self._listeners:
            call_listener(listener, changes)


def call_listener(listener: ChangeListener, changes: Sequence[CompletionChange] | None) -> None:
    """Call a listener; what it raises is logged."""
    with guard("telling a watcher what changed"):
        listener(changes)


def encode_changes(changes: Iterable[CompletionChange], max_bytes: int) -> list[str]:
    """The changes as texts of at most ``max_bytes``, one an organization.

    An organization whose changes do not fit is told that something changed, and no more.
    """
    by_organization: dict[str, list[tuple[str, str, str | None]]] = {}
    for organization_id, completion_id, status, session_id in changes:
        by_organization.setdefault(organization_id, []).append((completion_id, status, session_id))
    texts = (
        next(text for text in _spellings(organization_id, listed) if len(text) <= max_bytes)
        for organization_id, listed in by_organization.items()
    )
    return list(dict.fromkeys(texts))


def _spellings(organization_id: str, listed: Sequence[Sequence[str | None]]) -> Iterable[str]:
    yield json.dumps([organization_id, listed], separators=(",", ":"))
    yield json.dumps([organization_id, None])
    yield ANYTHING


def decode_changes(text: str) -> list[CompletionChange] | None:
    """The changes that ``encode_changes`` spelled; None where it named no call.

    Raises:
        ValueError, TypeError: the text is something else.
    """
    spelled = json.loads(text)
    if spelled is None or spelled[1] is None:
        return None
    return [CompletionChange(spelled[0], *each) for each in spelled[1]]
