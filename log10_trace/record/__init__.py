"""From the bytes of a call to its Completion: pure functions; the id of a ``Call`` alone reads the clock."""

from __future__ import annotations
