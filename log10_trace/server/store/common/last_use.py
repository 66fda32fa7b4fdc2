"""When the use of a key is written down: about once a minute, because every request uses one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

INTERVAL_MS: Final = 60_000
"""Uses this long after the noted one are noted again."""


class LastUseThrottle:
    """Remembers which uses this process has noted. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted_ms: dict[str, int] = {}

    def note(self, key_id: str, now_ms: int, write: Callable[[], Future[Any]]) -> None:
        """Have the use written unless one was in the last minute; after a failed write the next use is."""
        with self._lock:
            noted_ms = self._noted_ms.get(key_id)
            if noted_ms is not None and now_ms - noted_ms < INTERVAL_MS:
                return
            self._noted_ms[key_id] = now_ms
        write().add_done_callback(partial(self._forget_if_failed, key_id))

    def _forget_if_failed(self, key_id: str, written: Future[Any]) -> None:
        if written.cancelled() or written.exception() is not None:
            with self._lock:
                self._noted_ms.pop(key_id, None)
