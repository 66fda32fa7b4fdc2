"""The delivery of a ``patch()``, imported and made with the first call.

It is imported on the thread that makes the call, and forks wait for that: a child that is forked while
another thread imports a module can never import it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from log10_trace import threads
from log10_trace.config import Config
from log10_trace.export import fork_hooks
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.guard import faults, guard
from log10_trace.record.call import Call

if TYPE_CHECKING:
    from log10_trace.export.delivery.delivery import Delivery
    from log10_trace.export.stats import Stats

_FORK_WAITS_S: Final = 2.0
"""A fork waits no longer than this until another thread has imported the delivery."""

_making = threads.new_reentrant_lock()
"""Held by the thread that makes a delivery, and by a thread that forks."""


def _before_fork() -> None:
    _making.acquire(timeout=_FORK_WAITS_S)


def _after_fork_in_parent() -> None:
    with suppress(RuntimeError):  # it was not to be had in time
        _making.release()


def _after_fork_in_child() -> None:
    global _making  # noqa: PLW0603 -- a lock cannot be taken from a thread that is gone
    try:
        _making.release()
    except RuntimeError:
        _making = threads.new_reentrant_lock()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
)


class DeferredDelivery:
    """A sink that makes the delivery with its first call, and hands every call to it."""

    on_start: Callable[[Call], None]
    """A call has begun."""
    on_end: Callable[[Call], None]
    """A call has ended: its record is in the journal when this returns."""

    def __init__(
        self, config: Config, monitor: DeliveryMonitor | None, on_begun: Callable[[Delivery], None]
    ) -> None:
        """Go on counting with ``monitor``; ``on_begun`` is called once, with the delivery."""
        self.config = config
        self.resolver = ServerResolver(config)
        self._delivery: Delivery | None = None
        self._monitor = monitor or DeliveryMonitor()
        self._on_begun = on_begun
        self._maker: int | None = None
        """The id of the thread that makes the delivery."""
        self._early: deque[tuple[str, Call]] = deque()
        """What came from this very thread while it made the delivery: a signal handler may make a call, and
        the garbage collector may end one."""
        self._is_retired = False
        self._has_exited = False
        self.on_start = self._start_first
        self.on_end = self._end_first
        fork_hooks.register(self)

    @property
    def monitor(self) -> DeliveryMonitor:
        """What this delivery, or the next one, counts with."""
        return self._monitor if self._delivery is None else self._delivery.sink.monitor

    @property
    def begun(self) -> Delivery | None:
        """The delivery, once it has begun."""
        return self._delivery

    def begin(self) -> Delivery | None:
        """The delivery; None where this very thread is in the middle of making it."""
        if self._delivery is not None:
            return self._delivery
        with _making:
            if self._delivery is None and self._maker is None:
                self._maker = threading.get_ident()
                try:
                    self._make()
                finally:
                    self._maker = None
        return self._delivery

    def _make(self) -> None:
        from log10_trace.export.delivery.delivery import Delivery  # noqa: PLC0415 -- see the module's docstring
        from log10_trace.export.http.connection import prepare_connections  # noqa: PLC0415 -- as above
        from log10_trace.record import json_bytes  # noqa: PLC0415 -- as above

        json_bytes.prepare()
        # The first call does so once more, when forks wait no longer: by then everything is imported.
        if self.config.url is not None:
            with guard("preparing connections"):
                prepare_connections(self.config.url)
        made = Delivery(self.config, self._monitor, resolver=self.resolver)
        self._on_begun(made)
        if self._is_retired:
            made.stop_in_background()
        if self._has_exited:
            made.exit()
        self._delivery = made
        # From now on calls pass here no more.
        self.on_start, self.on_end = made.sink.on_start, made.sink.on_end
        while self._early:
            name, call = self._early.popleft()
            getattr(made.sink, name)(call)

    def _start_first(self, call: Call) -> None:
        self._hand_on("on_start", call)

    def _end_first(self, call: Call) -> None:
        self._hand_on("on_end", call)

    def _hand_on(self, name: str, call: Call) -> None:
        delivery = self.begin()
        if delivery is None:
            self._early.append((name, call))
        else:
            getattr(delivery.sink, name)(call)

    def count_left_out(self) -> None:
        """Count a call that is not recorded."""
        monitor = self.monitor
        with monitor:
            monitor.counts.sampled_out += 1

    def stats(self) -> Stats:
        """What has become of this process's records up to now."""
        if self._delivery is not None:
            return self._delivery.stats()
        monitor = self.monitor
        with monitor:
            return monitor.counts.snapshot(in_memory=0, faults=faults.counts())

    def stop_in_background(self) -> None:
        """As ``Delivery.stop_in_background``; what begins later ends with the calls that it began for."""
        with _making:
            self._is_retired = True
        if self._delivery is not None:
            self._delivery.stop_in_background()

    def exit(self, timeout: float | None = None) -> None:
        """As ``Delivery.exit``, unless there is nothing to do: no call was made, and the spool is empty."""
        with _making:
            self._has_exited = True
        if self._delivery is not None:
            self._delivery.exit(timeout)
        elif self._may_have_records():
            self.begin()

    def _may_have_records(self) -> bool:
        with suppress(OSError), os.scandir(self.config.spool_dir) as entries:
            return any(entries)
        return False

    def after_fork_in_child(self) -> None:
        """Start afresh: a thread that is not there any more may have held the lock, or made the delivery."""
        if self._maker != threading.get_ident():
            self._maker = None
            self._early.clear()
            self._monitor = DeliveryMonitor()
