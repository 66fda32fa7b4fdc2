"""Imported by each process whose environment is ``tests.processes.PATIENT``, before its program.

It imports nothing of ours, and has the end of the program wait for longer once the module that knows how long
is imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Finder:
    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "log10_trace.export.delivery.delivery":
            return None
        found = PathFinder.find_spec(name, path, target)
        assert found is not None
        assert found.loader is not None
        loader: Any = found.loader
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            module.NO_PROGRESS_TIMEOUT_S = 60.0

        loader.exec_module = exec_module
        return found


sys.meta_path.insert(0, _Finder())
