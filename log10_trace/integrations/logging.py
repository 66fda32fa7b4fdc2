"""A ``logging`` filter that puts the session and its last call on each log record."""

from __future__ import annotations

import logging

from log10_trace.context import current, process_session

__all__ = ["SessionFilter"]


class SessionFilter(logging.Filter):
    """Puts ``session_id`` and ``completion_id`` on log records, and lets every record pass.

    ::

        handler.addFilter(SessionFilter())
        handler.setFormatter(logging.Formatter("%(session_id)s %(completion_id)s %(message)s"))

    ``session_id`` is that of the session in force, outside of any that of the process; ``completion_id`` that
    of the last call recorded in it, or None. Formatters find them as attributes of the log record; one that
    ``extra`` gave stays. A filter of a handler sees the records of all loggers, one of a logger only those
    logged with that logger itself. It belongs on what runs in the thread that logs: of a ``QueueHandler`` and
    its listener, on the former.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged: always."""
        session = current().session or process_session()
        record.__dict__.setdefault("session_id", session.id)
        record.__dict__.setdefault("completion_id", session.last_completion_id)
        return True
