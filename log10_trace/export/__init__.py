"""Delivery: the spool, the worker thread and the transport."""

from __future__ import annotations

from log10_trace.export.delivery.delivery import Delivery
from log10_trace.export.stats import Stats

__all__ = ["Delivery", "Stats"]
