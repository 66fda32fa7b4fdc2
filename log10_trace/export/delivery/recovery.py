"""Recovers orphaned spool folders for this machine's own server, beside that server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from log10_trace.config import resolve
from log10_trace.export.delivery.delivery import Delivery


@contextmanager
def recover_spool() -> Iterator[None]:
    """While the block runs, records that wait for a local server are delivered to the one that runs now."""
    delivery = Delivery(resolve()._replace(url=None, token=None, organization_id=None))
    delivery.resolver.suppress_notice()
    delivery.recover()
    try:
        yield
    finally:
        delivery.stop_in_background()
