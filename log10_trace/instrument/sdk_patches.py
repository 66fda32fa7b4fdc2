"""What is patched when the program imports it: the other SDKs, and what OpenAI's loads with the first use.

An SDK that does not fit is left alone. All functions may be called from any thread. None imports an SDK.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from log10_trace import threads
from log10_trace.guard import logger
from log10_trace.instrument import import_hooks, patch_points
from log10_trace.instrument.sdks import OPENAI, OTHER_SDKS, SDKS, Sdk
from log10_trace.instrument.visible_frames import leave_out_package

_lock = threads.new_reentrant_lock()
_wanted: Final[set[str]] = set()
"""Names of the SDKs whose methods are wrapped, or will be once they are imported."""
_reported: Final[set[str]] = set()
"""What was missing in a version, and was said."""


def _renew() -> None:
    """In a forked child: the lock may have been held by a thread that is not there any more."""
    global _lock  # noqa: PLW0603 -- a lock cannot be taken from a thread that is gone
    _lock = threads.new_reentrant_lock()


os.register_at_fork(after_in_child=_renew)


def watch_imports(names: Iterable[str]) -> None:
    """Have these SDKs patched when they are imported; returns when none is being imported by another thread.

    OpenAI's own clients are patched by ``wrap_openai``.

    Not to be called with a lock that ``wrap`` is called with: an import that waits for it would never end.
    """
    names = set(names)
    for sdk in SDKS:
        if sdk.name not in names:
            continue
        act = partial(_wrap_if_wanted, sdk) if sdk is not OPENAI else _wrap_openai_resources
        for module in sdk.modules:
            if module not in sys.modules:
                import_hooks.when_imported(module, act)
            elif _is_being_imported(sys.modules[module]):
                importlib.import_module(module)


def wrap(names: Iterable[str]) -> None:
    """Wrap the methods of these SDKs, as far as they are imported, and restore those of the others."""
    chosen = _named(names)
    with _lock:
        _wanted.clear()
        _wanted.update(sdk.name for sdk in chosen)
        for sdk in OTHER_SDKS:
            if sdk in chosen:
                _wrap_if_wanted(sdk)
            else:
                patch_points.restore_methods(sdk)


def imported_base_clients() -> list[Any]:
    """The class ``BaseClient`` of every one that is imported."""
    bases = (sys.modules.get(f"{sdk.module}._base_client") for sdk in OTHER_SDKS)
    return [base.BaseClient for base in bases if base is not None and hasattr(base, "BaseClient")]


def wrap_openai() -> None:
    """Wrap the methods of the OpenAI SDK, which is imported; those that it has not loaded yet, later."""
    with _lock:
        for patch in patch_points.method_patches():
            patch.wrap()


def _wrap_openai_resources() -> None:
    with _lock:
        # All or nothing: a version that does not fit, and an SDK that is just imported anew, is left alone.
        if patch_points.has_wrapped_client(OPENAI):
            for patch in patch_points.method_patches():
                patch.wrap()


def restore_openai() -> None:
    """Leave the OpenAI SDK as it was."""
    with _lock:
        patch_points.restore_methods()


def _wrap_if_wanted(sdk: Sdk) -> None:
    with _lock:
        if sdk.name not in _wanted or not patch_points.is_imported(sdk):
            return
        missing = patch_points.missing_attribute(sdk)
        if missing:
            _report(sdk, missing)
            return
        leave_out_package(sys.modules[sdk.module])
        for patch in patch_points.method_patches(sdk):
            patch.wrap()


def _report(sdk: Sdk, missing: str) -> None:
    if missing in _reported:
        return
    _reported.add(missing)
    version = getattr(sys.modules[sdk.module], "__version__", "(of unknown version)")
    logger.warning("log10_trace: %s %s has no %s, so its calls are not recorded", sdk.name, version, missing)


def _named(names: Iterable[str]) -> list[Sdk]:
    names = set(names)
    return [sdk for sdk in OTHER_SDKS if sdk.name in names]


def _is_being_imported(module: Any) -> bool:
    # Python has no public name for it; without it an import that is under way looks finished.
    return getattr(getattr(module, "__spec__", None), "_initializing", False) is True
