"""Delivery: the spool, the worker thread and the transport."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from log10_trace.export.deferred_delivery import DeferredDelivery
    from log10_trace.export.delivery.delivery import Delivery
    from log10_trace.export.stats import Stats

__all__ = ["DeferredDelivery", "Delivery", "Stats"]

_HOME_OF = {"DeferredDelivery": "deferred_delivery", "Delivery": "delivery.delivery", "Stats": "stats"}


if not TYPE_CHECKING:  # a type checker knows the names above, and any other is a mistake

    def __getattr__(name: str) -> Any:
        # Imported when first used: ``patch()`` needs none but the first.
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
