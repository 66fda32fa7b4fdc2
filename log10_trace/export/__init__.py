"""Delivery: the spool, the worker thread and the transport."""

from __future__ import annotations
