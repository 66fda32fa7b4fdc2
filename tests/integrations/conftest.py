"""The fake model endpoint, and a client of it."""

from __future__ import annotations

from tests.instrument.conftest import endpoint, shared_endpoint
from tests.testing.conftest import client

__all__ = ["client", "endpoint", "shared_endpoint"]
