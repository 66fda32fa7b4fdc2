"""Acts when the program imports a module, and never imports one itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import wrapt

from log10_trace.guard import guard

_awaited: Final[set[str]] = set()
"""Modules with a hook: wrapt has no way to take one back, and a second one would act twice."""


def when_imported(module: str, act: Callable[[], None]) -> None:
    """Have ``act`` called when the module is imported next; of several for one module the first counts."""
    if module in _awaited:
        return
    _awaited.add(module)

    def on_import(_imported: Any) -> None:
        _awaited.discard(module)
        # An exception here would be one of the program's import.
        with guard("patching a module that was imported"):
            act()

    wrapt.register_post_import_hook(on_import, module)
