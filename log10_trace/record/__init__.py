"""From the bytes of a call to its Completion: pure functions; only ``call.new_id`` reads the clock."""

from __future__ import annotations
