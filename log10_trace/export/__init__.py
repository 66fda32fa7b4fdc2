"""Delivery: the spool, the worker thread and the transport."""

from __future__ import annotations

from log10_trace.export.counts import Stats
from log10_trace.export.delivery import Delivery

__all__ = ["Delivery", "Stats"]
