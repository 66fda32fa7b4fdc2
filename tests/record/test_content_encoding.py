"""Content codings: the body as it was, in whatever pieces it came, as far as it came."""

from __future__ import annotations

import gzip
import importlib
import os
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace.record import content_encoding
from log10_trace.record.content_encoding import decode_body, decode_chunks

ZSTD: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def _bare(body: bytes) -> bytes:
    press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return press.compress(body) + press.flush()


def _brotli(body: bytes) -> bytes:
    coded: bytes = importlib.import_module("brotli").compress(body)
    return coded


def _zstd(body: bytes) -> bytes:
    coded: bytes = importlib.import_module(ZSTD).compress(body)
    return coded


CODINGS: Final[dict[str, tuple[str, Callable[[bytes], bytes], str | None]]] = {
    "gzip": ("gzip", gzip.compress, None),
    "x-gzip": ("X-GZip", gzip.compress, None),
    "deflate": ("deflate", zlib.compress, None),
    "bare deflate": ("deflate", _bare, None),
    "br": ("br", _brotli, "brotli"),
    "zstd": ("zstd", _zstd, ZSTD),
}


@pytest.fixture(params=CODINGS)
def coding(request: pytest.FixtureRequest) -> tuple[str, Callable[[bytes], bytes]]:
    """Each coding that the SDK may ask for: its name, and what codes with it."""
    name, code, library = CODINGS[request.param]
    if library is not None:
        pytest.importorskip(library, reason=f"install {library} to test this coding")
    return name, code


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    """The body in pieces, some of which may be empty."""
    at = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(at)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(0, 300), max_size=4))
def test_what_was_coded_comes_back(
    coding: tuple[str, Callable[[bytes], bytes]], body: bytes, cuts: list[int]
) -> None:
    """In whatever pieces it came."""
    name, code = coding

    assert decode_body(pieces(code(body), cuts), name) == body


def test_of_a_body_that_is_cut_the_beginning_comes_back(coding: tuple[str, Callable[[bytes], bytes]]) -> None:
    """A connection that broke leaves what can be read of what came."""
    name, code = coding
    body = os.urandom(300_000)
    coded = code(body)

    found = decode_body(pieces(coded[: len(coded) // 2], list(range(0, len(coded), 1000))), name)

    assert body.startswith(found)
    assert len(found) > 10_000


class _Brotli:
    """A library of brotli whose decoder takes no bound, as brotli 1.1, or makes a buffer of it."""

    def __init__(self, *, has_bound: bool) -> None:
        self.Decompressor = self._open
        self._has_bound = has_bound

    def _open(self) -> Any:
        decoder = importlib.import_module("brotli").Decompressor()

        def decompress(coded: bytes, output_buffer_limit: int | None = None) -> bytes:
            if output_buffer_limit is None:
                return cast("bytes", decoder.process(coded))
            bytearray(output_buffer_limit)
            return cast("bytes", decoder.process(coded, output_buffer_limit=output_buffer_limit))

        bound = {"can_accept_more_data": decoder.can_accept_more_data} if self._has_bound else {}
        return SimpleNamespace(decompress=decompress, **bound)


@pytest.mark.parametrize("has_bound", [True, False])
def test_libraries_of_brotli_differ_in_the_bound_that_they_take(
    monkeypatch: pytest.MonkeyPatch, *, has_bound: bool
) -> None:
    """All give the whole body where it has no bound, and little more than the bound where it has one."""
    body = os.urandom(1000) + bytes(1 << 20)
    coded = _brotli(body)
    monkeypatch.setattr(content_encoding, "_first_of", lambda *_: _Brotli(has_bound=has_bound))

    assert b"".join(decode_chunks([coded], "br")) == body
    assert decode_body([coded], "br", 10_000) == body[:10_000]


def test_a_body_that_grows_beyond_measure_is_decoded_in_part(
    coding: tuple[str, Callable[[bytes], bytes]],
) -> None:
    """Few bytes that stand for many give no more than is asked for, and take no memory for the rest."""
    name, code = coding
    coded = code(bytes(1 << 20))
    tracemalloc.start()
    try:
        for body in ([coded], pieces(coded, [20])):
            assert decode_body(body, name, 10_000) == bytes(10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 19


@pytest.mark.parametrize("tail", [b"", b"garbage"], ids=["nothing", "garbage"])
def test_what_follows_the_end_changes_nothing(
    coding: tuple[str, Callable[[bytes], bytes]], tail: bytes
) -> None:
    """A piece after the end of the coded body, empty or not, does not cost the body."""
    name, code = coding

    assert decode_body([code(b"body"), tail], name) == b"body"


def test_several_codings_are_undone_in_turn() -> None:
    """A body that was coded twice is decoded twice, the last coding first."""
    assert decode_body([zlib.compress(gzip.compress(b"body"))], "gzip, deflate") == b"body"


def test_several_frames_of_zstd_are_one_body() -> None:
    """A server may send a body in several frames, which the SDK reads as one."""
    pytest.importorskip(ZSTD, reason=f"install {ZSTD} to test this coding")
    coded = _zstd(b"one ") + _zstd(b"body")

    for body in ([coded], pieces(coded, [3, 15, 20]), [_zstd(b"one "), b"", _zstd(b"body")]):
        assert decode_body(body, "zstd") == b"one body"


@pytest.mark.parametrize("name", [None, "", "identity", "unheard-of"])
def test_what_is_not_coded_or_coded_otherwise_is_left_as_it_is(name: str | None) -> None:
    """Without a coding that we know, the bytes are what they are."""
    assert decode_body([b"a", b"", b"b"], name) == b"ab"


def test_what_is_not_coded_as_it_says_is_nothing() -> None:
    """A body whose coding is a lie has no readable beginning, and is no error."""
    assert decode_body([b"plain text"], "gzip") == b""
