"""The body of a request: read within its bound, and inflated within another."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request

from log10_trace.server.http.api_errors import ApiError, too_large

try:
    import zstandard  # type: ignore[import-not-found,unused-ignore] # taken when it is there
except ImportError:
    zstandard = None

OFF_LOOP_BYTES: Final = 128 * 1024
"""Work on more bytes than this is done on a thread, so that other requests are not held up."""

Result = TypeVar("Result")

_PIECE: Final = 256 * 1024


async def read(request: Request, max_bytes: int, reserve: Callable[[int], None]) -> bytes:
    """The body as it was sent, at most ``max_bytes`` bytes of it.

    Args:
        request: The request, of which nothing was read yet.
        max_bytes: The bound, in bytes.
        reserve: Told how many more bytes are held; it may refuse.

    Raises:
        ApiError: 413 when it is larger; by its declared length, before anything of it is read.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise too_large("The body", max_bytes)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > max_bytes:
                raise too_large("The body", max_bytes)
            reserve(len(piece))
            pieces.append(piece)
    except ClientDisconnect:
        raise ApiError(400, "cut_off", "The request body is incomplete.") from None
    return b"".join(pieces)


async def inflate(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body without its ``Content-Encoding``, at most ``max_bytes`` bytes of it.

    Raises:
        ApiError: 413 for more (a decompression bomb), 400 for a broken body, 415 for an unknown coding.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    decoder = _CODINGS.get(coding)
    if decoder is None:
        message = f"Supported Content-Encodings: {', '.join(sorted(_CODINGS))}."
        raise ApiError(415, "unknown_encoding", message, field="Content-Encoding")
    return await off_loop(len(body), _inflate, decoder, body, max_bytes)


async def off_loop(size: int, work: Callable[..., Result], *arguments: Any) -> Result:
    """``work(*arguments)``, on a thread when there are many bytes of it."""
    if size > OFF_LOOP_BYTES:
        return await asyncio.to_thread(work, *arguments)
    return work(*arguments)


def _inflate(decoder: Callable[[bytes, int], Iterator[bytes]], body: bytes, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for piece in decoder(body, _PIECE):
        size += len(piece)
        if size > max_bytes:
            raise too_large("The inflated body", max_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _gzip(body: bytes, piece: int) -> Iterator[bytes]:
    rest = body
    while rest:  # a gzip file may be several, one behind the other
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            try:
                inflated = inflater.decompress(rest, piece)
            except zlib.error:
                raise _build_decoding_error() from None
            if not inflated and not rest:
                raise _build_decoding_error()
            rest = inflater.unconsumed_tail
            yield inflated
        rest = inflater.unused_data


def _zstd(body: bytes, piece: int) -> Iterator[bytes]:
    try:
        yield from zstandard.ZstdDecompressor(max_window_size=2**27).read_to_iter(body, write_size=piece)
    except zstandard.ZstdError:
        raise _build_decoding_error() from None


def _build_decoding_error() -> ApiError:
    return ApiError(400, "broken_encoding", "The body cannot be decompressed.", field="Content-Encoding")


_CODINGS: dict[str, Callable[[bytes, int], Iterator[bytes]]] = {"gzip": _gzip}
if zstandard is not None:
    _CODINGS["zstd"] = _zstd
