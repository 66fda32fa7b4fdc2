"""Instrumentation of the OpenAI SDK and its relatives: the only room that imports openai and wrapt.

``install`` wraps, ``uninstall`` restores bit for bit. Calls go to the ``Sink`` and nowhere else.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from log10_trace import threads
from log10_trace.context import opener
from log10_trace.domain.sdk_names import OPENAI, SDK_NAMES
from log10_trace.errors import SetupError
from log10_trace.guard import guard, logger
from log10_trace.instrument import interception, patch_points, sdk_patches, thread_scope
from log10_trace.instrument.recording import CaptureConfig, open_streams
from log10_trace.instrument.sampling import Sampling, count_nothing
from log10_trace.instrument.stack import sites
from log10_trace.instrument.wrappers import capture_state
from log10_trace.record.call import Sink

if TYPE_CHECKING:
    from log10_trace.record.exchange import Interceptor

__all__ = ["install", "intercepted_by", "prepare_for_failures", "settle_open_streams", "uninstall"]

_lock = threads.new_reentrant_lock()


def _renew() -> None:
    """In a forked child: the lock may have been held by a thread that is not there any more."""
    global _lock  # noqa: PLW0603 -- a lock cannot be taken from a thread that is gone
    _lock = threads.new_reentrant_lock()


os.register_at_fork(after_in_child=_renew)


def install(
    sink: Sink,
    *,
    tags: tuple[str, ...] = (),
    metadata: dict[str, Any] | None = None,
    organization_id: str | None = None,
    sample_rate: float = 1.0,
    keep_failures: bool = False,
    count_left_out: Callable[[], None] = count_nothing,
    app: tuple[str, ...] = (),
    threads_carry_scope: bool = True,
    sdks: tuple[str, ...] = SDK_NAMES,
) -> bool:
    """Record every call from now on; called again, with these settings instead.

    False when the OpenAI SDK lacks a place we need: that is logged by name, and it stays unpatched. The other
    SDKs of ``sdks`` are patched when the program imports them.
    """
    if OPENAI in sdks:
        _import_openai()
    if keep_failures:
        # Not with the first call: a child that is forked in the middle of an import can never import it.
        importlib.import_module(f"{__name__}.failure_recording")
    sdk_patches.watch_imports(sdks)
    with _lock:
        is_whole = True
        if OPENAI in sdks:
            is_whole = _wrap_openai()
        else:
            sdk_patches.restore_openai()
        sdk_patches.wrap(sdks)
        sites.set_app(app)
        opener.read_stack = sites.find_opening_line
        if threads_carry_scope:
            thread_scope.install()
        else:
            thread_scope.uninstall()
        sampling = Sampling(sample_rate, keep_failures, count_left_out)
        capture_state.capture = CaptureConfig(
            sink, tuple(dict.fromkeys(tags)), metadata or None, organization_id, sampling, sdks=sdks
        )
        return is_whole


def _import_openai() -> None:
    """Import the OpenAI SDK; not with the lock held, which an import of another thread may wait for."""
    with suppress(ImportError):  # without it there is nothing to record
        importlib.import_module("openai._base_client")


def _wrap_openai() -> bool:
    # All or nothing: with one of the two alone, records would have no response, or no failure.
    missing = patch_points.missing_attribute()
    if missing:
        logger.warning(
            "log10_trace: this version of openai has no %s, so its calls are not recorded", missing
        )
        return False
    sdk_patches.wrap_openai()
    return True


def prepare_for_failures() -> None:
    """Import what masks credentials in the errors of calls; with the first call, for the reason above."""
    importlib.import_module(f"{__name__}.credentials")


def uninstall() -> None:
    """Record no call that begins from now on. Streams that are open are recorded to their end."""
    with _lock:
        # First: under another tracer's wrapper ours stays, and passes calls on from here.
        capture_state.capture = None
        opener.read_stack = None
        thread_scope.uninstall()
        _restore_unused()


def _restore_unused() -> None:
    if capture_state.capture is None and interception.state.interceptor is None:
        sdk_patches.restore_openai()
        sdk_patches.wrap(())


@contextmanager
def intercepted_by(interceptor: Interceptor) -> Iterator[None]:
    """Have ``interceptor`` serve or observe the calls of this process inside the block, recorded or not.

    Raises:
        SetupError: the SDK lacks a place we need.
    """
    capture = capture_state.capture
    sdks = capture.sdks if capture is not None else SDK_NAMES
    _import_openai()
    sdk_patches.watch_imports(sdks)
    with _lock:
        missing = patch_points.missing_attribute()
        if missing:
            raise SetupError(f"This version of openai has no {missing}, so its calls cannot be replayed.")
        if OPENAI in sdks:
            _wrap_openai()
        sdk_patches.wrap(sdks)
    try:
        more_clients = sdk_patches.imported_base_clients()
        with interception.intercepted_by(interceptor, more_clients=more_clients):
            yield
    finally:
        with _lock:
            _restore_unused()


def settle_open_streams() -> None:
    """Record the calls whose stream is still open as left where they are: the program is ending."""
    # Not left to finalizers: in which order they run at the end, and what is left by then, is not known.
    for recording in open_streams():
        with guard("finishing open streams"):
            recording.finish(interrupted=True)
