"""Content encodings: the body of a response as it was before it was compressed for the wire.

Not ``httpx.Response.iter_bytes``, although that decodes gzip, deflate and br alike, also when cut, broken or
stacked: httpx 0.28 knows zstd only with the library ``zstandard``. The SDK also asks for zstd where
``backports.zstd`` or, from Python 3.14 on, ``compression.zstd`` is there; httpx leaves such a body as it is.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from log10_trace.record.body_sizes import MAX_BODIES_BYTES

_ZSTD_PART_BYTES: Final = 256
"""Four bytes can stand for 128 KiB."""
_BROTLI_PART_BYTES: Final = 16
"""Two bytes can stand for more than a megabyte."""

Decode = Callable[[bytes, int], bytes]
"""Gives what a chunk decodes to, and of more than so many bytes the beginning, or little more."""

# One byte alone does not tell a zlib header from bare deflate.
_ZLIB_HEAD: Final = 2
_ZSTD: Final = ("compression.zstd", "backports.zstd", "zstandard")
"""The first is the standard library's own, from Python 3.14 on."""
# EOFError is what the decoders of zstd raise for a piece after the end of the body.
_ERRORS: Final = (zlib.error, ValueError, RuntimeError, OSError, EOFError)


def decode_body(
    chunks: list[bytes], content_encoding: str | None, max_bytes: int = MAX_BODIES_BYTES
) -> bytes:
    """The body, whole or as far as it came: a body cut short is decoded up to the cut.

    No more than ``max_bytes`` are decoded, which are at least 1: some kilobytes can stand for gigabytes.
    """
    if content_encoding:
        chunks = decode_chunks(chunks, content_encoding, max_bytes)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def decode_chunks(
    chunks: list[bytes], content_encoding: str | None, max_bytes: int = sys.maxsize
) -> list[bytes]:
    """As ``decode_body``, chunk by chunk: what each of them decodes to, which may be nothing.

    ``max_bytes`` bounds what all of them decode to.
    """
    # The coding that was applied last stands last in the header.
    for coding in reversed((content_encoding or "").lower().split(",")):
        open_decoder = _DECODERS.get(coding.strip())
        if open_decoder is not None:
            chunks = _feed(open_decoder(), chunks, max_bytes)
    return chunks


def _feed(decode: Decode, chunks: list[bytes], room: int) -> list[bytes]:
    pieces = []
    for chunk in chunks:
        try:
            piece = decode(chunk, room)
        except _library_errors():
            break  # what came before the fault is kept
        pieces.append(piece[:room])
        room -= len(piece)
        if room <= 0:
            break
    return pieces


def _gzip() -> Decode:
    # 32 + 15: a gzip or a zlib header, whichever is there, and the largest window.
    return zlib.decompressobj(47).decompress


def _deflate() -> Decode:
    """Most send the zlib format that the standard asks for; some send bare deflate."""
    inflater: zlib._Decompress | None = None
    head = b""

    def decode(chunk: bytes, room: int) -> bytes:
        nonlocal inflater, head
        if inflater is not None:
            return inflater.decompress(chunk, room)
        head += chunk
        if len(head) < _ZLIB_HEAD:
            return b""
        try:
            inflater = zlib.decompressobj()
            return inflater.decompress(head, room)
        except zlib.error:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        return inflater.decompress(head, room)

    return decode


def _brotli() -> Decode:
    # Without the library the SDK does not ask for this coding; a server that sends it all the same has its
    # bytes kept.
    library = _first_of("brotli", "brotlicffi")
    if library is None:
        return _as_it_is
    decompressor = library.Decompressor()
    # brotli calls it process, brotlicffi decompress.
    feed: Callable[..., bytes] = getattr(decompressor, "process", None) or decompressor.decompress

    def decode(chunk: bytes, room: int) -> bytes:
        # brotlicffi makes a buffer of this size.
        return feed(chunk, output_buffer_limit=room) if room <= MAX_BODIES_BYTES else feed(chunk)

    def decode_part_by_part(chunk: bytes, room: int) -> bytes:
        return _join_up_to(room, (feed(part) for part in _cut(chunk, _BROTLI_PART_BYTES)))

    return decode if hasattr(decompressor, "can_accept_more_data") else decode_part_by_part


def _zstd() -> Decode:
    """A body may be several frames, one after the other."""
    library = _first_of(*_ZSTD)
    if library is None:
        return _as_it_is
    frame = _zstd_frame(library)

    def decode_frames(part: bytes, *room: int) -> Iterator[bytes]:
        nonlocal frame
        while part:
            if _is_at_end(frame):
                frame = _zstd_frame(library)
            yield frame.decompress(part, *room)
            part = frame.unused_data if _is_at_end(frame) else b""

    def decode(chunk: bytes, room: int) -> bytes:
        return _join_up_to(room, decode_frames(chunk, room))

    def decode_part_by_part(chunk: bytes, room: int) -> bytes:
        parts = _cut(chunk, _ZSTD_PART_BYTES)
        return _join_up_to(room, (piece for part in parts for piece in decode_frames(part)))

    return decode_part_by_part if library.__name__ == _ZSTD[-1] else decode


def _as_it_is(chunk: bytes, _room: int) -> bytes:
    return chunk


def _cut(chunk: bytes, size: int) -> Iterator[bytes]:
    """Parts of a chunk for decoders that cannot be told how much they may give."""
    return (chunk[at : at + size] for at in range(0, len(chunk), size))


def _join_up_to(room: int, pieces: Iterator[bytes]) -> bytes:
    """The pieces until there is no more room."""
    taken = []
    for piece in pieces:
        taken.append(piece)
        room -= len(piece)
        if room <= 0:
            break
    return b"".join(taken)


def _zstd_frame(library: Any) -> Any:
    decompressor = library.ZstdDecompressor()
    # In zstandard the object decodes a whole body; only its decompressobj takes pieces. The standard
    # library's takes pieces itself.
    return decompressor.decompressobj() if hasattr(decompressor, "decompressobj") else decompressor


def _is_at_end(frame: Any) -> bool:
    return getattr(frame, "eof", False)  # zstandard before 0.19 does not say


def _first_of(*names: str) -> Any:
    """The first of these libraries that is there: the SDK decodes with the same, if the program has it."""
    for name in names:
        try:
            # By name, so that the type checker does not ask for libraries that need not be there.
            return importlib.import_module(name)
        except ImportError:  # noqa: PERF203 -- two turns at most
            continue
    return None


_DECODERS: Final[dict[str, Callable[[], Decode]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


def _library_errors() -> tuple[type[Exception], ...]:
    """What the decoders raise: brotli and zstd have classes of their own, straight under ``Exception``."""
    errors: list[type[Exception]] = list(_ERRORS)
    for library in ("brotli", "brotlicffi", *_ZSTD):
        # Only a library that is imported can have raised one.
        module = sys.modules.get(library)
        error = getattr(module, "ZstdError", None) or getattr(module, "error", None)
        if error is not None:
            errors.append(error)
    return tuple(errors)
