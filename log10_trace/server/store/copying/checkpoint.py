"""How far a copy has come, in a file beside the target, so that it goes on there after it was killed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from log10_trace.config import log10_home
from log10_trace.errors import SetupError
from log10_trace.private_file import write_private_file
from log10_trace.server.store.address import is_file, sqlite_path

_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a copy has come. What is behind it is committed; what is before it may be."""

    source: str
    """What the source is identified by."""
    target: str
    is_merging: bool
    """Whether the target held other data when the copy began."""
    finished: tuple[str, ...] = ()
    """Organizations of which all is copied."""
    organization_id: str | None = None
    """The organization whose records are being copied; None before the first, and between two."""
    since_ms: int = 0
    """Its records that stand before this moment are copied."""
    records: int = 0
    """Records that are copied, of all organizations."""

    def enter(self, organization_id: str) -> Checkpoint:
        """The same, in the organization whose records are copied next."""
        if organization_id == self.organization_id:
            return self
        return replace(self, organization_id=organization_id, since_ms=0)

    def leave(self, organization_id: str) -> Checkpoint:
        """The same, behind an organization."""
        return replace(self, organization_id=None, since_ms=0, finished=(*self.finished, organization_id))


class CheckpointFile:
    """The file of a checkpoint; private, since it names organizations."""

    def __init__(self, target_address: str, target_identity: str) -> None:
        if is_file(target_address):
            database = sqlite_path(target_address)
            self._path = database.with_name(f"{database.name}.migrate")
        else:
            digest = sha256(target_identity.encode()).hexdigest()[:_DIGITS]
            self._path = log10_home() / f"migrate-{digest}"

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._path

    def read(self) -> Checkpoint | None:
        """The checkpoint; None when no copy was begun.

        Raises:
            SetupError: the file holds something else.
        """
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return Checkpoint(**{**found, "finished": tuple(found["finished"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            message = f"{self._path} says how far a migration has come, and cannot be read. Delete it."
            raise SetupError(message) from None

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep the checkpoint in place of the one before.

        Raises:
            SetupError: the file cannot be written.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private_file(self._path, json.dumps(asdict(checkpoint)).encode())
        except OSError as error:
            message = f"{self._path}, which says how far the migration has come, cannot be written: "
            raise SetupError(message + f"{error.strerror}.") from None

    def delete(self) -> None:
        """Forget it."""
        self._path.unlink(missing_ok=True)
