"""The spool: segments, the journal, orphaned backlogs, dead letters, the loss log."""

from __future__ import annotations
