"""Nothing is lost: whatever the completions API does, every record arrives, once, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import completions_api as does
from tests.completions_api import Behaviour, CompletionsAPI
from tests.export.factories import delivery, keep, settled
from tests.processes import program, until

pytestmark = pytest.mark.promises

PROGRAM = """
import sys, time
from tests.export.factories import config, keep
from log10_trace.export import Delivery

made = Delivery(config({url!r}, timeout={timeout}))
ids = keep(made, {count})
begun = time.monotonic()
made.exit()
print(time.monotonic() - begun, *ids)
"""


def run(
    home: Path, api: CompletionsAPI, *, count: int = 50, timeout: float = 10.0
) -> tuple[float, list[str]]:
    """A program that keeps so many records and ends: the seconds its end took, and the records' ids."""
    ended = program(home, PROGRAM.format(url=api.url, count=count, timeout=timeout))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    seconds, *ids = ended.stdout.split()
    return float(seconds), ids


@pytest.mark.usefixtures("patient_ends")
@pytest.mark.parametrize("code", [429, 500, 503, 401, 403])
def test_an_api_that_fails_for_a_whole_process_gets_everything_from_the_next(
    private_home: Path, code: int
) -> None:
    """All records of a program that never reached the API are delivered by the next one."""
    with CompletionsAPI() as api:
        api.behave(does.status(code))
        _, lost = run(private_home, api)
        api.behave(does.work)
        _, kept = run(private_home, api, count=1)

        assert list(api.rows()) == [*lost, *kept] or set(api.rows()) == {*lost, *kept}
        assert set(api.times().values()) == {1}


PATIENT = """
import sys, time
from tests.export.factories import config, keep
from log10_trace.export import Delivery
from log10_trace.export.monitor import DeliveryMonitor

class PatientMonitor(DeliveryMonitor):
    waited = 0.0

    def _rest(self, waiter, seconds, sleep=None):
        is_the_programs = sys._getframe(1).f_code is DeliveryMonitor.wait_until.__code__
        woken = super()._rest(waiter, {patience} if is_the_programs else seconds, sleep)
        if is_the_programs and not woken:
            self.waited += seconds
        return woken

gate = PatientMonitor()
made = Delivery(config({url!r}), gate, clock=lambda: gate.waited)
ids = keep(made, 50)
begun = time.process_time()
made.exit()
print(gate.waited + time.process_time() - begun, *ids)
"""
"""A program whose end counts the seconds that it waits in vain and those of the processor.

So it comes to the same on a machine that others keep busy, however long ``patience`` takes there.
"""


def end(home: Path, url: str, *, patience: float) -> tuple[float, set[str]]:
    """The seconds that the end of such a program takes on a quiet machine, and its records' ids."""
    ended = program(home, PATIENT.format(url=url, patience=patience))
    assert (ended.returncode, ended.stderr) == (0, "")
    seconds, *ids = ended.stdout.split()
    return float(seconds), set(ids)


def test_the_end_does_not_wait_for_an_api_that_never_answers(
    private_home: Path, request: pytest.FixtureRequest
) -> None:
    """A black hole holds up the end of the program by half a second at most; the records wait."""
    with CompletionsAPI() as api:
        api.behave(does.hang)
        seconds, lost = end(private_home, api.url, patience=0.1)
        api.behave(does.work)
        request.getfixturevalue("patient_ends")
        run(private_home, api, count=1)

        assert seconds <= 0.5
        assert lost <= set(api.rows())


def test_the_end_does_not_wait_for_an_api_that_is_down(
    private_home: Path, request: pytest.FixtureRequest
) -> None:
    """A refused connection holds up the end of the program by 0.3 s at most; the records wait."""
    with CompletionsAPI() as api:
        api.down()
        seconds, lost = end(private_home, api.url, patience=30)
        api.up()
        request.getfixturevalue("patient_ends")
        run(private_home, api, count=1)

        assert seconds <= 0.3
        assert lost <= set(api.rows())


FAILURES: dict[str, Behaviour] = {
    "429": does.status(429),
    "429 with Retry-After": does.status(429, Retry_After="0.05"),
    "500": does.status(500),
    "502": does.status(502),
    "503": does.status(503),
    "cut": does.cut,
    "stored and cut": does.store_and_cut,
    "stored and 500": does.store_and_fail,
    "408": does.status(408),
    "425": does.status(425),
    "507": does.status(507),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("has_batches", [True, False], ids=["batches", "single posts"])
def test_a_failing_api_gets_everything_once_it_works(name: str, has_batches: bool) -> None:
    """After any kind of failure every record arrives, in the order of its sequence, and the books balance."""
    with CompletionsAPI(has_batches=has_batches) as api:
        api.behave(FAILURES[name], times=3)
        # All at once: alone, a record of which nobody knows whether it is at fault lets the next one pass.
        with delivery(api.url, flush_interval=3600.0) as made:
            ids = keep(made, 20)
            until(lambda: made.flush(10.0), "everything is delivered")

            assert api.ended() == ids
            assert list(api.sequences().values()) == [list(range(1, 21))]
            assert made.stats().delivered == 20
            assert settled(made)


def test_a_long_outage_changes_nothing_but_the_time(private_home: Path) -> None:
    """Records made before, during and after an outage arrive in the order of their sequences."""
    with CompletionsAPI() as api, delivery(api.url) as made:
        ids = keep(made, 10)
        assert made.flush(60.0)
        api.down()
        for _ in range(5):
            ids += keep(made, 10)
            assert not made.flush(0.05)
        api.up()
        ids += keep(made, 10)
        until(lambda: made.flush(10.0), "everything is delivered")

        assert api.ended() == ids
        assert list(api.sequences().values()) == [list(range(1, 71))]


def test_an_api_that_dies_in_the_middle_of_a_batch_gets_the_rest_later() -> None:
    """Of a batch that was taken in part, only the other part is sent again."""
    with CompletionsAPI() as api, delivery(api.url) as made:
        busy = {"now": True}
        api.refusal = lambda record: (
            (503, {"code": "busy"}) if busy["now"] and record["sequence"] % 2 else None
        )
        ids = keep(made, 20)
        made.flush(0.2)
        busy["now"] = False
        until(lambda: made.flush(10.0), "everything is delivered")

        assert set(api.rows()) == set(ids)
        assert set(api.times().values()) == {1}
