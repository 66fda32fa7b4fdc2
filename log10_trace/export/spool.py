"""The spool folder: whose it is, who writes where in it, and which records in it belong to dead processes.

    spool/<source>/about.json     where these records are to go
    spool/<source>/lock           locked as long as somebody writes or delivers the folder's records
    spool/<source>/000001.seg     records, see ``segment``
    spool/.<source>/              a source's folder while it is made
    spool/given-up.jsonl          what was lost, see ``ledger``
    spool/dead-letters/<id>.json  what the server refused, see ``letters``

Who owns a source's folder is decided by the kernel: it drops the lock with the process that held it, however
that process ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from log10_trace.export.destination import Destination
from log10_trace.export.segment import SUFFIX, Segment, load
from log10_trace.guard import say_once_a_minute
from log10_trace.record.call import new_id

LETTERS: Final = "dead-letters"
HALF_MADE_S: Final = 3600.0
"""What has been half made for so long was left by a process that was killed."""

_LOCK: Final = "lock"
_ABOUT: Final = "about.json"
_NEW: Final = ".new"
_NAME_LENGTH: Final = 32


def new_source() -> str:
    """A name for this process: sorts by time, and is nobody else's."""
    return new_id().replace("-", "")


class Claim:
    """A source's folder that is ours alone to write or deliver, until ``close``."""

    __slots__ = ("_lock", "folder", "source")

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self.source = folder.name
        self._lock = lock

    def segments(self) -> list[Segment]:
        """The segments in the folder, oldest first; those of a later version are left alone, and said so."""
        loaded = [load(self.source, path) for path in sorted(self.folder.glob(f"*{SUFFIX}"))]
        return [segment for segment in loaded if segment is not None]

    def forget_key(self) -> None:
        """The server knows no such key: from now on, whoever has another may deliver the records."""
        about = bound_for(self.folder)
        if about is not None and about.key is not None:
            _write(self.folder / _ABOUT, json.dumps(asdict(replace(about, key=None))).encode())

    def close(self) -> None:
        """Give the folder up to whoever comes next."""
        os.close(self._lock)

    def remove(self) -> None:
        """Delete the folder, unless something is left in it, and give it up."""
        try:
            if not any(self.folder.glob(f"*{SUFFIX}")):
                _delete(self.folder)
        except FileNotFoundError:
            return  # somebody was faster
        except OSError as error:
            say_once_a_minute("log10_trace: %s cannot be deleted: %s", self.folder, error)
        finally:
            self.close()


class Spool:
    """The folder in which records wait."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder, readable by this user alone.

        Raises:
            OSError: it cannot be made, or is somebody else's.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.root.stat()
        if found.st_uid != os.geteuid():
            raise PermissionError(1, "the folder belongs to another user", str(self.root))
        if found.st_mode & 0o077:
            self.root.chmod(0o700)

    def create(self, source: str, destination: Destination) -> Claim:
        """A folder for the records of ``source``, ours from the first moment on.

        Raises:
            OSError: it cannot be made.
        """
        self.prepare()
        # Under another name until it is locked: nobody may take it for a dead process's.
        fresh = self.root / f".{source}"
        fresh.mkdir(mode=0o700, exist_ok=True)  # the disk may have taken the folder, and no file, before
        lock = os.open(fresh / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(fresh / _ABOUT, json.dumps(asdict(destination)).encode())
            folder = fresh.rename(self.root / source)
        except OSError:
            os.close(lock)
            raise
        return Claim(folder, lock)

    def sources(self) -> list[Path]:
        """The folders of all sources, oldest first."""
        return sorted(Path(each.path) for each in _entries(self.root) if _is_source(each))

    def orphans(
        self, ours: Callable[[Destination], bool], but: Container[str] = frozenset()
    ) -> Iterator[Claim]:
        """The folders of dead processes whose records are ``ours`` to deliver, each claimed."""
        for folder in self.sources():
            if folder.name in but:
                continue
            destination = bound_for(folder)
            claim = take(folder) if destination is not None and ours(destination) else None
            if claim is not None:
                yield claim

    def sweep(self, now: float) -> None:
        """Delete what processes that were killed at the wrong moment have half made; ``now`` is the time."""
        folders = [each for each in _entries(self.root) if _is_source(each, prefix=".")]
        letters = [each for each in _entries(self.root / LETTERS) if each.name.startswith(".")]
        for each in [*folders, *letters]:
            with suppress(OSError):  # somebody was faster, or something else is in it
                if each.stat(follow_symlinks=False).st_mtime < now - HALF_MADE_S:
                    _delete(Path(each.path))

    def size(self) -> int:
        """The bytes that all records in the folder take."""
        return sum(
            size_of(path) for folder in [*self.sources(), self.root / LETTERS] for path in _files(folder)
        )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _delete(path: Path) -> None:
    """Delete a file, or a source's folder.

    Raises:
        OSError: it is gone, or a folder in which something else is.
    """
    if not path.is_dir():
        path.unlink()
        return
    for name in (_ABOUT, Path(_ABOUT).with_suffix(_NEW).name, _LOCK):
        (path / name).unlink(missing_ok=True)
    path.rmdir()


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []


def size_of(path: Path) -> int:
    """The bytes of a file; none when somebody has deleted it in the meantime, having delivered it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_source(entry: os.DirEntry[str], prefix: str = "") -> bool:
    is_name = entry.name.startswith(prefix) and len(entry.name) == len(prefix) + _NAME_LENGTH
    return is_name and entry.is_dir(follow_symlinks=False)


def bound_for(folder: Path) -> Destination | None:
    """Where the records in a source's folder are to go, if that can be told."""
    try:
        about = json.loads((folder / _ABOUT).read_bytes())
        return Destination(url=about["url"], organization_id=about["organization_id"], key=about["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def take(folder: Path) -> Claim | None:
    """The folder, if it is nobody's: its process is dead and no other delivers its records."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it before may have delivered everything and deleted it while we opened it.
        if os.fstat(lock).st_nlink:
            return Claim(folder, lock)
    except OSError:
        pass
    os.close(lock)
    return None


def is_alive(folder: Path) -> bool:
    """Whether somebody writes or delivers the folder's records at this moment."""
    claim = take(folder)
    if claim is None:
        return True
    claim.close()
    return False


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or leave it as it was.

    Raises:
        OSError: the disk does not take it.
    """
    fresh = path.with_suffix(_NEW)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 -- a descriptor, not a path
        file.write(content)
    fresh.replace(path)
