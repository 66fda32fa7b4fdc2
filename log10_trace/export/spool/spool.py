"""The spool folder: ownership checks, locks of sources, and orphans of dead processes.

    spool/<source>/about.json     where these records are to go
    spool/<source>/lock           locked as long as a process writes or delivers the folder's records
    spool/<source>/000001.seg     records, see ``segment``
    spool/.<source>/              a source's folder while it is made
    spool/given-up.jsonl          what was lost, see ``loss_log``
    spool/dead-letters/<id>.json  what the server refused, see ``dead_letters``
    spool/otlp/                   a spool like this one, of the spans for ``otlp_url``

The kernel decides who owns a source's folder: it drops the lock with the process that held it, however that
process ends. The writer locks the folder itself as well; that lock decides where ``lock`` was deleted.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from log10_trace.domain.ids import new_id
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.regular_file import is_regular, open_regular, read_regular, report_damage
from log10_trace.export.spool.segment import NEW, SUFFIX, Segment, UnusableSegmentError, open_segment
from log10_trace.guard import log_rate_limited
from log10_trace.private_file import write_private_file

LETTERS: Final = "dead-letters"
_SPANS: Final = "otlp"
STALE_AFTER_S: Final = 3600.0
"""An incomplete folder older than this was left by a killed process."""

LOCK: Final = "lock"
ABOUT: Final = "about.json"
_NAME_LENGTH: Final = 32
_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_MAX_ABOUT_BYTES: Final = 64 * 1024


def spans_folder(root: Path) -> Path:
    """The spool of the spans, within that of the records."""
    return root / _SPANS


def new_source() -> str:
    """A unique name for this process, which sorts by time."""
    return new_id().replace("-", "")


class SourceLock:
    """A source's folder that is ours alone to write or deliver, until ``close``."""

    __slots__ = ("_locks", "folder", "should_retry", "source")

    def __init__(self, folder: Path, *locks: int) -> None:
        self.folder = folder
        self.source = folder.name
        self.should_retry = False
        """Whether a file in it could not be read for a reason that may pass."""
        self._locks = locks

    def segments(self) -> list[Segment]:
        """The segments in the folder, oldest first; what cannot be read is left alone, counted and said."""
        loaded = [self._load(path) for path in segment_paths(self.folder)]
        return [segment for segment in loaded if segment is not None]

    def _load(self, path: Path) -> Segment | None:
        try:
            segment = open_segment(self.source, path)
        except FileNotFoundError:
            return None
        except UnusableSegmentError as error:
            report_damage(path, f"{error}; it is left alone")
            self.should_retry |= error.is_transient
            return None
        if segment.problem:
            report_damage(path, segment.problem)
        return segment

    def clear_key(self) -> None:
        """The server knows no such key: from now on, a program with another key may deliver the records."""
        # A key that was revoked would otherwise keep the records from every program for good.
        about = read_destination(self.folder)
        if about is not None and about.key is not None:
            _write_about(self.folder, about._replace(key=None))

    def close(self) -> None:
        """Release the locks, so that another process can take the folder."""
        # Not LOCK_UN: a forked child shares the lock, and unlocking would take it from the other as well.
        for lock in self._locks:
            os.close(lock)

    def remove(self) -> None:
        """Delete the folder, unless something is left in it, and give it up."""
        try:
            # Under the lock: no other process takes a folder for an orphan that is being deleted.
            if not segment_paths(self.folder):
                _delete(self.folder)
        except FileNotFoundError:
            return  # another process was faster
        except OSError as error:
            log_rate_limited("log10_trace: %s cannot be deleted: %s", self.folder, error.strerror)
        finally:
            self.close()


class Spool:
    """The folder in which records wait."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder, readable by this user alone.

        Raises:
            OSError: it cannot be made, or belongs to another user.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = self.root.stat()
        if state.st_uid != os.geteuid():
            raise PermissionError(1, "the folder belongs to another user", str(self.root))
        # A folder that was there before keeps its mode.
        if state.st_mode & 0o077:
            self.root.chmod(0o700)

    def create(self, source: str, destination: Destination) -> SourceLock:
        """A folder for the records of ``source``, ours from the first moment on.

        Raises:
            OSError: it cannot be made.
        """
        self.prepare()
        # Under another name until it is locked: no process may take it for an orphan.
        fresh = self.root / f".{source}"
        fresh.mkdir(mode=0o700, exist_ok=True)  # the disk may have taken the folder, and no file, before
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        locks = [os.open(fresh / LOCK, flags, 0o600)]
        try:
            fcntl.flock(locks[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(OSError):  # network file systems lock files only
                locks.append(_open_folder(fresh))
                fcntl.flock(locks[1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_about(fresh, destination)
            folder = fresh.rename(self.root / source)
        except OSError:
            for lock in locks:
                os.close(lock)
            raise
        return SourceLock(folder, *locks)

    def sources(self) -> list[Path]:
        """The folders of all sources, oldest first."""
        return [
            self.root / name
            # By name: that of a source begins with the time at which it was made.
            for name in sorted(entry.name for entry in _entries(self.root) if _is_source(entry))
        ]

    def foreign_sources(self) -> list[tuple[Path, str]]:
        """What is named like a source's folder and is none, and what it is instead."""
        return [
            (self.root / each.name, "is a symbolic link" if each.is_symlink() else "is not a folder")
            for each in sorted(_entries(self.root), key=lambda entry: entry.name)
            if _is_source_name(each.name) and not each.is_dir(follow_symlinks=False)
        ]

    def lock_orphans(
        self, ours: Callable[[Destination | None], bool], but: Container[str] = frozenset()
    ) -> Iterator[SourceLock]:
        """The folders of dead processes whose records are ``ours`` to deliver, each claimed.

        The spool is listed once. ``ours`` is asked with None where a folder does not tell its destination. A
        folder that tells none and holds none is what is left of one that was being deleted; it goes.
        """
        for folder in self.sources():
            if folder.name in but:
                continue
            destination = read_destination(folder)
            # Destination first, lock second: a lock costs an open file, and most folders may be of other
            # servers.
            is_rest = destination is None and _is_empty(folder)
            source_lock = try_lock(folder) if is_rest or ours(destination) else None
            if source_lock is not None and is_rest:
                source_lock.remove()
            elif source_lock is not None:
                yield source_lock

    def has_orphans(self, ours: Callable[[Destination | None], bool]) -> bool:
        """Whether dead processes have left records that are ``ours`` to deliver; the first one answers it."""
        source_lock = next(self.lock_orphans(ours), None)
        if source_lock is not None:
            source_lock.close()
        return source_lock is not None

    def remove_stale(self, now: float) -> None:
        """Delete what processes that were killed at the wrong moment have half made; ``now`` is the time."""
        folders = [entry for entry in _entries(self.root) if _is_source(entry, prefix=".")]
        dead_letters = [entry for entry in _entries(self.root / LETTERS) if entry.name.startswith(".")]
        for entry in [*folders, *dead_letters]:
            with suppress(OSError):  # another process was faster, or something else is in it
                if entry.stat(follow_symlinks=False).st_mtime < now - STALE_AFTER_S:
                    _delete(Path(entry.path))

    def size(self) -> int:
        """The bytes that all records in the folder take."""
        folders = [*self.sources(), self.root / LETTERS]
        return sum(_size_of_entry(entry) for folder in folders for entry in _entries(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def segment_paths(folder: Path) -> list[Path]:
    """What is named like a segment in a source's folder, in the order of the segments' numbers.

    Raises:
        OSError: the folder cannot be read.
    """
    names = [name for name in os.listdir(folder) if name.endswith(SUFFIX)]  # noqa: PTH208 -- half the time
    # By length first: the millionth segment has seven digits, and all before it six.
    return [folder / name for name in sorted(names, key=lambda name: (len(name), name))]


def foreign_names(folder: Path) -> list[str]:
    """What stands in a source's folder and is neither a segment nor one of the files beside them.

    Raises:
        OSError: the folder cannot be read.
    """
    ours = (ABOUT, LOCK)
    return [
        name
        for name in sorted(os.listdir(folder))  # noqa: PTH208
        if name not in ours and not name.endswith((SUFFIX, NEW))
    ]


def _is_empty(folder: Path) -> bool:
    try:
        return not segment_paths(folder)
    except OSError:
        return False


def _delete(path: Path) -> None:
    """Delete a file, or a source's folder.

    Raises:
        OSError: it is gone, or a folder in which something else is; then nothing was deleted.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    names = os.listdir(path)  # noqa: PTH208
    if any(name not in (ABOUT, LOCK) and not name.endswith(NEW) for name in names):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
    for name in sorted(names):  # the lock comes last: until then the folder is ours
        (path / name).unlink(missing_ok=True)
    path.rmdir()


def _size_of_entry(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
    except OSError:
        return 0  # it was delivered and deleted in the meantime


def size_of(path: Path) -> int:
    """The bytes of a file; 0 when it was delivered and deleted in the meantime."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_source_name(name: str) -> bool:
    return len(name) == _NAME_LENGTH and _HEX_DIGITS.issuperset(name)


def _is_source(entry: os.DirEntry[str], prefix: str = "") -> bool:
    is_name = entry.name.startswith(prefix) and _is_source_name(entry.name[len(prefix) :])
    return is_name and entry.is_dir(follow_symlinks=False)


def read_destination(folder: Path) -> Destination | None:
    """Where the records in a source's folder are to go, if that can be told."""
    try:
        return read_about(folder)
    except (OSError, ValueError):
        return None


def read_about(folder: Path) -> Destination:
    """Where the records in a source's folder are to go.

    Raises:
        OSError: the file that tells it cannot be read.
        ValueError: it does not tell it.
    """
    try:
        # Bounded: whatever stands under the name, it may be of any size.
        about = json.loads(read_regular(folder / ABOUT, _MAX_ABOUT_BYTES))
        fields = {name: about[name] for name in ("url", "organization_id", "key")}
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("the fields url, organization_id and key are not there") from error
    if not all(value is None or isinstance(value, str) for value in fields.values()):
        raise ValueError("url, organization_id and key are texts or null")
    return Destination(**fields)


def has_lock(folder: Path) -> bool:
    """Whether the file is there by whose lock a folder's owner is told."""
    return is_regular(folder / LOCK)


def try_lock(folder: Path) -> SourceLock | None:
    """The folder, locked, if it is an orphan: its process is dead and no other delivers its records."""
    try:
        lock = _open_lock(folder)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have delivered everything and deleted it while it was opened here.
        if os.fstat(lock).st_nlink and folder.exists():
            return SourceLock(folder, lock)
    # Locked by its process, or by one that delivers its records.
    except OSError:
        pass
    os.close(lock)
    return None


def _open_lock(folder: Path) -> int:
    """What is locked by the folder's owner: the file ``lock``, or the folder where that cannot be opened."""
    try:
        return open_regular(folder / LOCK, os.O_RDWR)
    except OSError:
        return _open_folder(folder)


def _open_folder(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)


def _write_about(folder: Path, destination: Destination) -> None:
    about = folder / ABOUT
    content = json.dumps(destination._asdict()).encode()
    write_private_file(about, content, temporary=about.with_suffix(NEW))


def is_alive(folder: Path) -> bool:
    """Whether a process writes or delivers the folder's records at this moment."""
    source_lock = try_lock(folder)
    if source_lock is None:
        return True
    source_lock.close()
    return False
