"""What a store can refuse or fail at.

Log10Error
└── StoreError             the store could not do it; nothing of it was kept
    ├── StoreFullError     the disk (or a size that was set) is full
    ├── StoreBusyError     too much is waiting already, or another process holds the database
    ├── StoreClosedError   the store is shut
    ├── UnstorableError    the database cannot hold this record, today or tomorrow
    ├── CursorError        a page was asked for with a cursor that no page gave
    ├── SearchError        the text to search for holds nothing that can be searched for
    └── MatchError         feedback matched no completion, or more than it allows

A store that cannot be opened (foreign file, newer schema) is a ``SetupError``.
"""

from __future__ import annotations

from log10_trace.errors import Log10Error


class StoreError(Log10Error):
    """The store could not do it; nothing of it was kept."""


class StoreFullError(StoreError):
    """The disk is full. Free some space or prune; stored data is intact."""


class StoreBusyError(StoreError):
    """The write queue is full; try again."""


class StoreClosedError(StoreError):
    """The store is closed."""


class UnstorableError(StoreError):
    """The database cannot hold this record as it is."""


class CursorError(StoreError):
    """The cursor is not one that a page of this list gave."""


class SearchError(StoreError):
    """The search text contains no word."""


class MatchError(StoreError):
    """The feedback matches no completion, or more than it allows."""

    def __init__(self, field: str, message: str) -> None:
        """Name the ``field`` of the feedback that decides, and say in ``message`` what did not match."""
        self.field = field
        super().__init__(message)
