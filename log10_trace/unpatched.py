"""Copies of the modules ``time`` and ``_thread``, in which the program replaces nothing.

A program's tests may stop its clock: freezegun replaces the functions of ``time`` in every loaded module that
has them by name, at whatever moment, and a deadline that is read from such a clock never comes. gevent and
eventlet replace names of ``_thread``.
"""

from __future__ import annotations

import _thread
import importlib.util
import time as _time
from importlib.machinery import BuiltinImporter
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

__all__ = ["thread", "time"]


def _copy_of(module: ModuleType) -> Any:
    spec = importlib.util.spec_from_loader(module.__name__, BuiltinImporter)
    if spec is None:
        return module
    copy: ModuleType = importlib.util.module_from_spec(spec)
    BuiltinImporter.exec_module(copy)
    return copy


thread: Final = _copy_of(_thread)
"""A copy of ``_thread``."""

if TYPE_CHECKING:
    import time
else:
    time = _copy_of(_time)
