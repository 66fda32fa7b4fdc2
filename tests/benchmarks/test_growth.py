"""The exponents that ``benchmarks/growth.py`` prints, and the memory that all benchmarks measure alike."""

from __future__ import annotations

import asyncio
import os

import pytest

from benchmarks.concurrency import AnswerTogether, httpx
from benchmarks.growth import Cost, exponent, print_exponents, print_growth, stream
from benchmarks.process_memory import pss_mb
from log10_trace.record.outcome import determine_outcome

SIZES = (1_000, 10_000, 100_000, 1_000_000)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_exponent_of_a_power_is_its_own(power: float) -> None:
    """A cost that grows with a power of the size has it as its exponent, whatever it is multiplied with."""
    assert exponent(SIZES, [7 * size**power for size in SIZES]) == pytest.approx(power)


def test_cost_that_every_record_has_does_not_hide_the_growth() -> None:
    """The upper half of the sizes says how a cost grows that begins with a constant."""
    assert exponent(SIZES, [50 + size / 100 for size in SIZES]) == pytest.approx(1, abs=0.05)


def test_table_has_a_row_for_each_size_and_the_exponents(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a delivery the cost of all threads stays empty; one table has the exponents of all."""
    axes = [
        print_growth("size", SIZES, lambda size: Cost(size / 1_000, 4.0)),
        print_growth("waiting", (0, 1_000), lambda _: Cost(5.0)),
    ]
    print_exponents(axes)

    lines = capsys.readouterr().out.splitlines()
    assert "| 1,000,000 | 1,000 | 4 |" in lines
    assert "| 0 | 5 |  |" in lines
    assert lines[-2:] == ["| size | 1.00 | 0.00 |", "| waiting | 0.00 |  |"]


def test_stream_of_the_benchmark_is_whole() -> None:
    """What is measured is a stream that ended, of as many pieces as it is said to have."""
    made = stream(10)
    made.status = "finished"
    outcome = determine_outcome(made)

    assert (outcome.interrupted, outcome.response.count(b"word ")) == (False, 10)


def test_memory_is_that_of_the_process() -> None:
    """This process takes some megabytes, and one that is not there none."""
    assert 1 < pss_mb(os.getpid()) < 100_000
    assert pss_mb(2**22 + 1) == 0


def test_calls_at_the_same_time_are_answered_together() -> None:
    """The first of two waits for the second; then both have their answer."""

    async def ask() -> list[int]:
        transport = AnswerTogether(2)
        request = httpx.Request("POST", "http://127.0.0.1:9/v1/chat/completions")
        first = asyncio.create_task(transport.handle_async_request(request))
        await asyncio.sleep(0)
        assert not first.done()
        second = await transport.handle_async_request(request)
        return [(await first).status_code, second.status_code]

    assert asyncio.run(ask()) == [200, 200]
