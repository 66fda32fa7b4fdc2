"""Log set-up: one JSON object a line on standard error."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error")
EVERY_S: Final = 60.0
_MESSAGES: Final = 100


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, and the message or, where it is one, the object logged."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
        }
        if isinstance(record.msg, dict):
            line.update(record.msg)
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line)


class OncePerMinute(logging.Filter):
    """Passes one record of each message a minute, and appends to the next the number that it suppressed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._held: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        now, message = self._clock(), str(record.msg)
        since, held = self._held.get(message, (now - EVERY_S, 0))
        if now - since < EVERY_S:
            self._held[message] = (since, held + 1)
            return False
        if len(self._held) >= _MESSAGES:
            self._held.clear()
        self._held[message] = (now, 0)
        if held:
            record.msg, record.args = f"{record.getMessage()} ({held} more since the last line)", None
        return True


def configure_logging(level: str) -> None:
    """Log to the standard error from ``level`` on.

    Messages of uvicorn and asyncio on what clients do, such as malformed requests, are logged once a minute.
    """
    ours, theirs = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stderr)
    theirs.addFilter(OncePerMinute())
    for name, least, handler in (
        ("log10_trace", level.upper(), ours),
        ("uvicorn", "WARNING", theirs),
        ("asyncio", "WARNING", theirs),
    ):
        handler.setFormatter(JsonFormatter())
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(least)
        logger.propagate = False
