"""Files that a user names: opened with one sentence instead of a traceback, read and cut by lines."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import IO, Final, cast

from log10_trace.domain.byte_lines import split_lines
from log10_trace.errors import SetupError

STANDARD = "-"
"""Stands for the standard input or output."""

_BLANKS: Final = b" \t\r\n"
_PIECE: Final = 64 * 1024
_ENOUGH_TO_TELL: Final = 4
_GZIP: Final = b"\x1f\x8b"
_BETWEEN: Final = re.compile(rb"\}\r(?=[ \t\r]*\{)")
"""A carriage return alone that ends a line of JSON: within one object none stands between these brackets."""


@contextmanager
def open_for_reading(name: str) -> Iterator[BufferedReader]:
    """The file, open for reading.

    Raises:
        SetupError: it cannot be read.
    """
    if name == STANDARD:
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 -- closed below; only opening it is the user's business
    except OSError as error:
        raise SetupError(_describe_error(name, "read", error)) from None
    with file:
        yield file


@contextmanager
def open_for_writing(
    name: str | None, *, go_on: bool = False, overwrite: bool = False
) -> Iterator[IO[bytes]]:
    """The file, open for writing: a new one, emptied with ``overwrite``, or at its end with ``go_on``.

    Raises:
        SetupError: it cannot be written, or it is there already.
    """
    if name is None or name == STANDARD:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = Path(name).open("ab" if go_on else "wb" if overwrite else "xb")  # noqa: SIM115 -- as above
    except FileExistsError:
        message = f"{name} already exists. Use --resume to continue it or --force to overwrite it."
        raise SetupError(message) from None
    except OSError as error:
        raise SetupError(_describe_error(name, "written", error)) from None
    with file:
        yield file


def _describe_error(name: str, doing: str, error: OSError) -> str:
    return f"{name} cannot be {doing}: {error.strerror or error}."


def json_lines(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a file of JSON lines, in UTF-8 and without blanks around, as Windows writes them too.

    The file may be in UTF-8, UTF-16 or UTF-32 with or without byte order marks, and its lines may end with
    a line feed, a carriage return, or both. A line in another encoding is given as it is.

    Raises:
        SetupError: the file is compressed.
    """
    head = file.read(_ENOUGH_TO_TELL)
    if head.startswith(_GZIP):
        message = "The file is compressed. Unpack it first: gzip -dc FILE | log10-trace completions import -"
        raise SetupError(message)
    pieces = _in_utf8(head, iter(lambda: file.read1(_PIECE), b""))
    found = split_lines(_with_line_feeds(pieces))
    return (line.removeprefix(codecs.BOM_UTF8).strip(_BLANKS) for line in found)


def _in_utf8(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    encoding = json.detect_encoding(head)
    if encoding.startswith("utf-8"):
        yield head
        yield from rest
        return
    # Half a character is no reason to lose the file: the line that holds it is refused. In UTF-32, where
    # most numbers are no character at all, a mark stands in for those.
    errors = "replace" if encoding.startswith("utf-32") else "surrogatepass"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for piece in chain([head], rest):
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    with suppress(UnicodeDecodeError):  # the file ends within a character
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _with_line_feeds(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, with a line feed for each carriage return that ends a line alone."""
    held = b""
    for piece in pieces:
        text = held + piece
        # What the end of a piece is, the next one tells.
        ended = text.rstrip(b" \t\r")
        held = text[len(ended) - 1 :] if ended.endswith(b"}") else b""
        text = text[: len(text) - len(held)]
        yield _BETWEEN.sub(b"}\n", text) if b"\r" in text else text
    yield held


def truncate_partial_line(path: Path) -> None:
    """Cut off what stands after the last line end: the beginning of a line that was never finished."""
    with path.open("rb+") as file:
        end = 0
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
        file.truncate(end)
