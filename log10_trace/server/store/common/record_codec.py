"""Encoding of a completion's fields in the database: a small head that lists read, and a compressed body.

Pure. Both hold the fields' texts as they were received; ``stacktrace`` goes its own way, because the stacks
of one program are few.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from log10_trace.domain.completion_record import SMALL_FIELDS
from log10_trace.domain.json_slices import parse_value
from log10_trace.domain.json_values import read_mapping
from log10_trace.domain.text_extraction import sanitize
from log10_trace.server.store.common.created_at import fill_created_at
from log10_trace.server.store.data_types import CallSite

try:  # writes what zlib reads in a quarter of the time; not every kind of machine has it
    from isal.isal_zlib import compressobj  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from zlib import compressobj  # type: ignore[assignment,unused-ignore]

_SMALL: Final = frozenset(SMALL_FIELDS)
NAME_CHARACTERS: Final = 1_000
"""Of the file and the function of a call site."""
_SMALL_CHARACTERS: Final = 4_096
_FASTEST: Final = 1
"""The level: a third of the time of zlib's default level, for a tenth more room."""
_SHORT_NAME: Final = 64
"""Characters."""
_SHORT_BYTES: Final = 16_384
_SHORT_WINDOW, _WINDOW = 14, 15
"""Sizes of what zlib looks back at, as powers of two. The small one holds all of a short text, and is small
enough for the allocator to keep; the large one goes back to the system after every call."""


@dataclass(frozen=True, slots=True)
class EncodedRecord:
    """The parts of a record."""

    head: str
    """The small fields."""
    body: bytes
    """All others, compressed."""
    stack: bytes | None
    """The stacktrace, compressed; None when there is none."""


class RecordTexts(NamedTuple):
    """The parts of a record before they are compressed, for a database that compresses by itself."""

    head: str
    body: str
    stack: str | None


def lay_out(fields: Mapping[str, str]) -> RecordTexts:
    """Lay the fields out."""
    head, body = {}, {}
    for name, text in fields.items():
        if name in _SMALL and len(text) <= _SMALL_CHARACTERS:
            head[name] = text
        elif name != "stacktrace":
            body[name] = text
    return RecordTexts(_join(head), _join(body), fields.get("stacktrace"))


def read_texts(texts: RecordTexts, began_ms: int | None = None) -> dict[str, str]:
    """All fields, as ``decode`` gives them."""
    fields = decode_head(texts.head, began_ms) | _split(texts.body)
    return fields if texts.stack is None else {**fields, "stacktrace": texts.stack}


def encode(fields: Mapping[str, str]) -> EncodedRecord:
    """Lay the fields out and compress them."""
    head, body, stack = lay_out(fields)
    return EncodedRecord(
        head=head,
        body=_deflate(body),
        stack=None if stack is None else _deflate_stack(stack),
    )


def decode_head(head: str, began_ms: int | None = None) -> dict[str, str]:
    """The small fields; with ``began_ms`` the ``created_at`` of this moment among them, if they have none."""
    fields = _split(head)
    return fields if began_ms is None else dict(fill_created_at(fields, began_ms))


def decode(packed: EncodedRecord, began_ms: int | None = None) -> dict[str, str]:
    """The fields: the small ones as ``decode_head`` gives them, the others, the stacktrace."""
    fields = decode_head(packed.head, began_ms) | _split(_inflate(packed.body))
    if packed.stack is not None:
        fields["stacktrace"] = _inflate(packed.stack)
    return fields


@lru_cache(maxsize=1_024)
def decode_call_site(stack: bytes | None) -> CallSite | None:
    """The innermost frame of a compressed stacktrace. The stacks of one program are few."""
    return read_call_site(None if stack is None else _inflate(stack))


@lru_cache(maxsize=256)
def read_call_site(stack: str | None) -> CallSite | None:
    """The innermost frame of a stacktrace; None without one."""
    frames = None if stack is None else parse_value(stack)
    frame = read_mapping(frames[-1]) if isinstance(frames, list) and frames else {}
    file, line, function = frame.get("file"), frame.get("lineno"), frame.get("name")
    if not isinstance(file, str):
        return None
    return CallSite(
        _name(file),
        line if isinstance(line, int) and not isinstance(line, bool) else None,
        _name(function) if isinstance(function, str) else None,
    )


def _name(text: str) -> str:
    """As the columns have it (columns.py)."""
    return sanitize(text)[:NAME_CHARACTERS]


def decode_body_prefix(data: bytes, max_bytes: int) -> dict[str, str]:
    """The fields of the beginning of a compressed body, the last of them perhaps in part."""
    return read_body_prefix(zlib.decompressobj().decompress(data, max_bytes).decode("utf-8", "ignore"))


def read_body_prefix(joined: str) -> dict[str, str]:
    """The fields of the beginning of a body, the last of them perhaps in part."""
    try:
        return _split(joined)
    except ValueError:  # not even the names are there
        return {}


def _join(fields: Mapping[str, str]) -> str:
    """Names and lengths on the first line, then the texts end to end: split again without parsing them."""
    index = ", ".join([f"[{_quote(name)}, {len(text)}]" for name, text in fields.items()])
    return f"[{index}]\n{''.join(fields.values())}"


def _quote(name: str) -> str:
    return _quote_short(name) if len(name) <= _SHORT_NAME else json.dumps(name)


_quote_short = lru_cache(maxsize=1_024)(json.dumps)
"""The names of fields are few, but for those that a client makes up: long ones are not kept."""


def _split(joined: str) -> dict[str, str]:
    end = joined.find("\n")
    index = joined if end < 0 else joined[:end]
    fields, at = {}, len(index) + 1
    for name, length in json.loads(index):
        fields[name] = joined[at : at + length]
        at += length
    return fields


def _deflate(text: str) -> bytes:
    data = text.encode("utf-8")
    window = _SHORT_WINDOW if len(data) <= _SHORT_BYTES else _WINDOW
    compressor = compressobj(_FASTEST, wbits=window)
    compressed: bytes = compressor.compress(data) + compressor.flush()
    return compressed


_deflate_stack = lru_cache(maxsize=256)(_deflate)
"""The stacks of one program are few, so that nearly all of this work is saved."""


def _inflate(data: bytes) -> str:
    return zlib.decompress(data).decode("utf-8")
