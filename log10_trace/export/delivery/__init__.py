"""Delivery: the worker thread, the sender, backoff, the transport, maintenance of the spool."""

from __future__ import annotations
