"""Bodies: inflated within a bound, whatever was sent."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.body import inflate

MIB = 1024 * 1024


def inflated(body: bytes, encoding: str = "gzip", most: int = 64 * MIB) -> bytes:
    return asyncio.run(inflate(body, encoding, most))


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_what_was_compressed_comes_back(first: bytes, second: bytes) -> None:
    """A gzip body, also one of several members, inflates to what was compressed."""
    assert inflated(gzip.compress(first) + gzip.compress(second)) == first + second


def test_much_from_little_comes_back_whole() -> None:
    """Output that is far larger than its input, within the bound, is not cut."""
    text = b"a" * (3 * MIB + 17)

    assert inflated(gzip.compress(text)) == text


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    """A body of a few kilobytes that would inflate to more than the bound is a 413."""
    with pytest.raises(ApiError) as caught:
        inflated(gzip.compress(b"\0" * (32 * MIB)), most=MIB)

    assert caught.value.status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        gzip.compress(b"cut short", mtime=0)[:-5],
        gzip.compress(b"x", mtime=0)[:3],
        zlib.compress(b"another format"),
    ],
)
def test_a_broken_body_is_the_senders_fault(body: bytes) -> None:
    """A body that cannot be inflated is a 400."""
    with pytest.raises(ApiError) as caught:
        inflated(body)

    assert caught.value.status == 400


def test_an_unknown_coding_is_refused_by_name() -> None:
    """A Content-Encoding nobody knows is a 415 that says which are known."""
    with pytest.raises(ApiError, match="gzip") as caught:
        inflated(b"", "br")

    assert caught.value.status == 415


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_no_coding_leaves_the_body_alone(encoding: str) -> None:
    """Without a coding the body is what was sent."""
    assert inflated(b"plain", encoding) == b"plain"
