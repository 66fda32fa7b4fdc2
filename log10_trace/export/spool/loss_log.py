"""Log of dropped records in a file: counts by reason, and sequence ranges by source."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Final

from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.regular_file import read_regular
from log10_trace.unpatched import time

NAME: Final = "given-up.jsonl"


class LossLog:
    """The losses of every process that used the spool; safe to be written by several at once."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME

    def add(self, loss: Loss) -> None:
        """Write one loss down.

        Raises:
            OSError: the file cannot be written.
        """
        # The line break comes first: a line that a full disk has cut short spoils none but itself.
        line = b"\n" + json.dumps(asdict(loss) | {"at": round(time.time(), 3)}).encode()
        # Without waiting: under the name may stand a pipe that no process reads.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self._path, flags, 0o600)
        try:
            # In one write, appended: the lines of several processes do not mix. A full disk may take a part
            # of it.
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)

    def losses(self) -> list[Loss]:
        """Every loss that was written down, oldest first, each once; other lines are passed over.

        Damage is written down by every process that meets it, until one of them has delivered the rest.
        """
        try:
            lines = read_regular(self._path).splitlines()
        except OSError:
            return []
        return list(dict.fromkeys(loss for line in lines if (loss := _loss(line)) is not None))


def _loss(line: bytes) -> Loss | None:
    try:
        fields = json.loads(line)
        numbers = {name: int(fields[name]) for name in ("first", "last", "count")}
        return Loss(source=str(fields["source"]), reason=str(fields["reason"]), **numbers)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
