"""Dead letters: records that the server rejected, each in its own file with the server's reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from log10_trace.export.spool.regular_file import describe_error, is_regular, read_regular
from log10_trace.export.spool.spool import LETTERS, size_of
from log10_trace.private_file import write_private_file

_HEAD: Final = ("id", "source", "sequence", "url", "status", "code", "message")
_MARK: Final = b'"completion":'


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that was refused: which, by whom, why; ``completion`` is its JSON as it was sent."""

    id: str
    source: str
    sequence: int
    url: str
    status: int
    """The HTTP status it was refused with; 0 when it never got as far as a server."""
    code: str
    message: str
    completion: bytes

    def as_json(self) -> dict[str, Any]:
        """The dead letter with its completion parsed, for commands."""
        return {**{name: getattr(self, name) for name in _HEAD}, "completion": json.loads(self.completion)}


class DeadLetters:
    """The folder of dead letters. A file's name is its record's id, so each record is there once."""

    def __init__(self, root: Path) -> None:
        self._folder = root / LETTERS

    def add(self, letter: DeadLetter) -> None:
        """Store a dead letter durably.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        head = {name: getattr(letter, name) for name in _HEAD}
        # The completion is put in as the text it is: numbers and unknown keys stay as they were.
        text = json.dumps(head)[:-1].encode() + b", " + _MARK + b" " + letter.completion + b"}\n"
        write_private_file(self._path(letter.id), text)

    def __iter__(self) -> Iterator[DeadLetter]:
        """Every dead letter, oldest record first; other files are skipped."""
        for path in self._paths():
            with suppress(OSError, ValueError):
                yield _read(path)

    def find_unreadable(self) -> list[tuple[Path, str]]:
        """Files of the folder that are not dead letters, with the reason."""
        return [(path, what) for path in self._paths() if (what := _problem_of(path))]

    def __len__(self) -> int:
        return len(self._paths())

    def discard(self, letter: DeadLetter) -> None:
        """Delete a dead letter."""
        self._path(letter.id).unlink(missing_ok=True)

    def enforce_size_limit(self, most_bytes: int) -> None:
        """Delete the oldest dead letters until all take at most ``most_bytes``."""
        sizes = [(path, size_of(path)) for path in self._paths() if is_regular(path)]
        excess = sum(size for _, size in sizes) - most_bytes
        for path, size in sizes:
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size

    def _paths(self) -> list[Path]:
        try:
            # The names are ids, which sort by time.
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 -- pathlib differs between versions
        except OSError:
            return []  # there are none yet, or none that this user may see
        return [self._folder / name for name in names if name.endswith(".json") and name[0] != "."]

    def _path(self, record_id: str) -> Path:
        # An id is what stands in the record: it must not lead out of the folder.
        return self._folder / f"{record_id.replace(os.sep, '_')}.json"


def _read(path: Path) -> DeadLetter:
    """The letter in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a dead letter.
    """
    text = read_regular(path)
    try:
        fields = json.loads(text)
        # Cut out of the text: what was sent is kept byte for byte, and sent again as it is.
        completion = text[text.index(_MARK) + len(_MARK) :].strip()[:-1].strip()
        json.loads(completion)
        return DeadLetter(**{**fields, "completion": completion})
    except (TypeError, RecursionError) as error:
        raise ValueError("is not a dead letter") from error


def _problem_of(path: Path) -> str:
    try:
        _read(path)
    except FileNotFoundError:
        return ""  # it was sent again in the meantime
    except OSError as error:
        return describe_error(error)
    except ValueError:
        return "is not a dead letter"
    return ""
