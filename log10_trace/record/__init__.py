"""From the bytes of a call to its Completion: pure functions, no threads, no clock, no disk, no SDK."""

from __future__ import annotations
