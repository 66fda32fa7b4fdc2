"""Which calls ``forward`` has sent from one server to one endpoint: a file that only grows.

The file is a run of 16 bytes a call: its id where that is a UUID, else a digest of it. What is torn at its
end, by a process that was killed, is cut off.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from log10_trace.errors import SetupError

_KEY_BYTES: Final = 16
_MOST_READ: Final = 1 << 20
_USUAL_ID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SentCalls:
    """The calls that were sent, as the file has them."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the open file, which holds about 100 bytes of memory for each call."""
        self._file = file
        self._keys: set[bytes] = set()
        while piece := file.read(_MOST_READ):
            self._keys.update(piece[at : at + _KEY_BYTES] for at in range(0, len(piece), _KEY_BYTES))

    def __contains__(self, call_id: str) -> bool:
        return _key(call_id) in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, call_ids: Iterable[str]) -> None:
        """Note that these were sent; when this returns, the note survives the process."""
        keys = [_key(call_id) for call_id in call_ids]
        self._keys.update(keys)
        self._file.write(b"".join(keys))
        self._file.flush()

    def forget(self) -> None:
        """Note that none was sent."""
        self._keys.clear()
        self._file.seek(0)
        self._file.truncate()


@contextmanager
def open_sent_calls(folder: Path, server_url: str, endpoint_url: str) -> Iterator[SentCalls]:
    """The calls that were sent from a server to an endpoint; nobody else has them while the block runs.

    Raises:
        SetupError: another process has them.
        OSError: the folder cannot be written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = sha256(f"{server_url}\n{endpoint_url}".encode()).hexdigest()[: 2 * _KEY_BYTES]
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder / f"{name}.sent", flags, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Another `log10-trace forward` to {endpoint_url} is running. Wait for it, or stop it."
            raise SetupError(message) from None
        file.truncate(os.fstat(descriptor).st_size // _KEY_BYTES * _KEY_BYTES)
        yield SentCalls(file)


def _key(call_id: str) -> bytes:
    if _USUAL_ID.fullmatch(call_id):
        return bytes.fromhex(call_id.replace("-", ""))  # as the next, in a third of its time
    try:
        return UUID(call_id).bytes
    except ValueError:
        return sha256(call_id.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]
