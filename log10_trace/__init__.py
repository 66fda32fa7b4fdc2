"""Keeps every OpenAI SDK call of a Python program as a Completion record.

``patch()`` is all it takes. The names below are the whole public face; each is imported when it is first
used, so that importing the package does no work, starts no thread and opens no file.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from log10_trace import errors, models, redact, testing
    from log10_trace.client import AsyncLog10, Log10
    from log10_trace.context import propagate, session, tags
    from log10_trace.models.components import Completion
    from log10_trace.runtime import flush, patch, shutdown, stats, unpatch

__version__ = "0.1.0"

__all__ = [
    "AsyncLog10",
    "Completion",
    "Log10",
    "__version__",
    "errors",
    "flush",
    "models",
    "patch",
    "propagate",
    "redact",
    "session",
    "shutdown",
    "stats",
    "tags",
    "testing",
    "unpatch",
]

_HOME_OF = {
    "AsyncLog10": "client",
    "Completion": "models.components",
    "Log10": "client",
    "flush": "runtime",
    "patch": "runtime",
    "propagate": "context",
    "session": "context",
    "shutdown": "runtime",
    "stats": "runtime",
    "tags": "context",
    "unpatch": "runtime",
}
_MODULES = {"errors", "models", "redact", "testing"}


if not TYPE_CHECKING:  # a type checker knows the names above, and any other is a mistake

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
