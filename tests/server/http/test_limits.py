"""Limits: the rate of one key, and the bytes in hand."""

from __future__ import annotations

from contextlib import suppress

import pytest

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.limits import InFlightBytes, RateLimiter


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


def refusals(rates: RateLimiter, key: str, requests: int) -> int:
    """How many of so many requests are refused."""
    granted = 0
    for _ in range(requests):
        with suppress(ApiError):
            rates.acquire(key)
            granted += 1
    return requests - granted


def test_a_key_that_sends_too_fast_is_told_when_to_come_back() -> None:
    """Past its burst a key gets 429 with Retry-After, and goes on after that time."""
    clock = Clock()
    rates = RateLimiter(10, clock)
    for _ in range(20):
        rates.acquire("key")

    with pytest.raises(ApiError) as caught:
        rates.acquire("key")
    clock.now += int(caught.value.headers["Retry-After"])

    assert caught.value.status == 429
    rates.acquire("key")


def test_one_fast_key_costs_another_nothing() -> None:
    """Each key has a rate of its own."""
    rates = RateLimiter(1, Clock())

    assert refusals(rates, "fast", 10) == 8
    assert refusals(rates, "slow", 2) == 0


def test_no_rate_is_no_limit() -> None:
    """A rate of zero lets everything through."""
    assert refusals(RateLimiter(0, Clock()), "key", 1000) == 0


def test_more_bytes_in_hand_than_the_bound_are_refused_for_now() -> None:
    """When too much is in hand the next body is a 503, until some of it is done."""
    in_flight = InFlightBytes(100)
    in_flight.reserve(80)

    with pytest.raises(ApiError) as caught:
        in_flight.reserve(30)
    in_flight.release(80)

    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"] == "1"
    in_flight.reserve(30)


def test_a_body_alone_is_always_taken() -> None:
    """A body that is larger than the bound by itself is not refused for ever."""
    in_flight = InFlightBytes(100)
    in_flight.reserve(1000)

    assert in_flight.held == 1000
