"""Nothing is lost: calls that never end, tails that are torn, bits that flip, words that must not be kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace import redact
from log10_trace.models.components import Completion
from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import begun, delivery, keep, segments, settled
from tests.processes import program, until

pytestmark = pytest.mark.promises


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


LEFT = """
import os
from tests.export.factories import begun, config, keep
from log10_trace.export import Delivery

made = Delivery(config({url!r}))
{work}
os._exit(0)
"""


def leave(home: Path, work: str, url: str) -> None:
    """A process that does this work while the API is down, and dies."""
    ended = program(home, LEFT.format(url=url, work=work))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_long_call_shows_as_started_and_then_as_finished(api: CompletionsAPI) -> None:
    """A call that takes longer than a flush interval is there before it ends, and ends once."""
    with delivery(api.url) as made:
        long = begun("slow")
        made.sink.on_start(long)
        api.wait_for(lambda api: long.id in api.rows())
        assert api.rows()[long.id]["status"] == "started"
        assert api.rows()[long.id]["request"]["messages"][0]["content"] == "slow"

        long.status, long.duration_ns = "finished", 10**9
        made.sink.on_end(long)
        assert made.flush(60.0)

        assert [each["status"] for each in api.stored if each["id"] == long.id] == ["started", "finished"]
        assert made.stats().delivered == 1


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_a_call_whose_process_dies_is_settled(api: CompletionsAPI, private_home: Path, shown: bool) -> None:
    """What a dead process was in the middle of ends as failed, ProcessDied; what it had done is as it was."""
    if not shown:
        api.behave(does.status(503))
    work = f"""
long = begun("slow")
made.sink.on_start(long)
from tests.processes import until
until(lambda: made.sink._started_entries, "it is noted")
made.flush({10 if shown else 0.1})
keep(made, 3)
"""
    leave(private_home, work, api.url)
    api.behave(does.work)
    with delivery(api.url) as made:
        made.recover()
        assert made.flush(60.0)
        rows = list(api.rows().values())

    assert sorted(each["status"] for each in rows) == ["failed", "finished", "finished", "finished"]
    (died,) = [each for each in rows if each["status"] == "failed"]
    assert died["failure_kind"] == "ProcessDied"
    assert died["request"]["messages"][0]["content"] == "slow"
    assert not list((private_home / "spool").glob("*/*"))


def test_a_call_that_ended_after_it_was_shown_is_not_settled_twice(
    api: CompletionsAPI, private_home: Path
) -> None:
    """A call that ended before its process died has ended as it did."""
    api.behave(does.status(503))
    work = """
long = begun("slow")
made.sink.on_start(long)
from tests.processes import until
until(lambda: made.sink._started_entries, "it is noted")
long.status, long.duration_ns = "finished", 1
made.sink.on_end(long)
"""
    leave(private_home, work, api.url)
    api.behave(does.work)
    with delivery(api.url) as made:
        made.recover()
        assert made.flush(60.0)

    assert [each["status"] for each in api.rows().values()] == ["finished"]


@pytest.mark.usefixtures("patient_ends")
def test_a_tail_torn_at_any_byte_loses_only_what_was_being_written(
    api: CompletionsAPI, private_home: Path
) -> None:
    """Cut anywhere in its last two entries, a segment gives back every record that is whole."""
    api.behave(does.status(503))
    leave(private_home, "keep(made, 4)", api.url)
    api.behave(does.work)
    (path,) = segments(private_home / "spool")
    about, whole = (path.parent / "about.json").read_bytes(), path.read_bytes()
    entry = (len(whole) - 56) // 4

    for cut in range(len(whole) - 2 * entry, len(whole)):
        api.stored.clear()
        path.parent.mkdir(exist_ok=True)
        (path.parent / "lock").touch()
        (path.parent / "about.json").write_bytes(about)
        path.write_bytes(whole[:cut])
        with delivery(api.url) as made:
            made.recover()
            assert made.flush(60.0)
        (arrived,) = api.sequences().values()
        assert arrived == list(range(1, (cut - 56) // entry + 1))


def test_a_flipped_bit_costs_one_record_and_is_told(
    api: CompletionsAPI, private_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A record whose bytes have changed on disk is not sent; it is counted, named and told of."""
    api.behave(does.status(503))
    leave(private_home, "keep(made, 9)", api.url)
    api.behave(does.work)
    (path,) = segments(private_home / "spool")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)

    with delivery(api.url) as made:
        made.recover()
        assert made.flush(60.0)
        (loss,) = made.loss_log.losses()

    assert (loss.reason, loss.count, loss.first) == ("damaged", 1, 5)
    assert list(api.sequences().values()) == [[1, 2, 3, 4, 6, 7, 8, 9]]


def test_what_is_redacted_is_never_on_disk(api: CompletionsAPI, private_home: Path) -> None:
    """With a redactor, the spool holds what the redactor left, and so does the API."""
    api.behave(does.status(503))
    with delivery(api.url, redact=redact.patterns("secret-[0-9]+")) as made:
        keep(made, 5, "my secret-123 is out")
        until(lambda: made.stats().spooled == 5, "all are redacted")
        assert b"secret-123" not in b"".join(each.read_bytes() for each in segments(private_home / "spool"))

        api.behave(does.work)
        until(lambda: made.flush(10.0), "everything is delivered")

    texts = [json.dumps(each) for each in api.rows().values()]
    assert len(texts) == 5
    assert all("my [redacted] is out" in each and "secret-123" not in each for each in texts)
    assert list(api.sequences().values()) == [[1, 2, 3, 4, 5]]


def test_a_redactor_that_raises_withholds_the_words(
    api: CompletionsAPI, private_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A redactor that fails never lets words through: the record is kept without them, and counted."""

    def broken(completion: Completion) -> Completion:
        message = "broken"
        raise RuntimeError(message)

    with delivery(api.url, redact=broken) as made:
        ids = keep(made, 3, "private words")
        assert made.flush(60.0)
        assert made.stats().withheld == 3

    assert api.ended() == ids
    assert "private words" not in json.dumps(api.stored)
    assert all(each["request"] == redact.NOTICE for each in api.stored)
    assert [each["status"] for each in api.stored] == ["finished"] * 3


def test_a_redactor_that_cannot_keep_up_never_grows_memory_nor_loses(api: CompletionsAPI) -> None:
    """Past the bound of what may wait to be redacted, the caller redacts; nothing is lost."""
    api.behave(does.hang, times=1)
    bound = 1024 * 1024
    with delivery(api.url, redact=lambda each: each, memory_max_bytes=bound, timeout=1.0) as made:
        ids = keep(made, 1)
        api.wait_for(lambda api: api.requests)
        ids += keep(made, 1000, "x" * 2000)
        assert made.sink._unredacted_bytes <= bound // 2
        until(lambda: made.flush(10.0), "everything is delivered")

        assert set(api.rows()) == set(ids)
        assert settled(made)


def test_nothing_of_a_record_is_ever_logged(api: CompletionsAPI, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, no word of a request or a response gets into the log."""
    caplog.set_level(logging.DEBUG)
    api.refusal = lambda record: (422, {"code": "no", "message": "private words", "field": "request"})
    with delivery(api.url) as made:
        keep(made, 3, "private words")
        until(lambda: made.stats().dead_letters == 3 or made.flush(1.0), "all are refused")

    assert "private words" not in caplog.text


OUTAGE = """
import json, resource, sys
from tests.export.factories import call, config
from log10_trace.export import Delivery

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

# On a busy machine an answer may take long. A batch is not given up for that here, and so not sent again.
made = Delivery(config({url!r}, timeout=60.0))
made.sink.on_end(call("x" * 1000))
made.flush(0.5)
before = peak()
for _ in range({count} - 1):
    made.sink.on_end(call("x" * 1000))
outage = peak() - before
print(json.dumps(dict(grown=outage, pending=made.stats().pending)), flush=True)
sys.stdin.readline()
while not made.flush(30):
    pass
print(json.dumps(dict(grown=peak() - before, delivered=made.stats().delivered)), flush=True)
"""


@pytest.mark.slow
def test_an_outage_with_100_000_records_takes_no_memory(private_home: Path) -> None:
    """A hundred thousand records wait on disk, not in memory, and arrive in the order of their sequence."""
    import subprocess
    import sys

    from tests.processes import environment

    with CompletionsAPI() as api:
        api.behave(does.status(503))
        process = subprocess.Popen(
            [sys.executable, "-c", OUTAGE.format(url=api.url, count=100_000)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(private_home),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        during = json.loads(process.stdout.readline())
        assert during["pending"] == 100_000
        assert during["grown"] < 40
        api.behave(does.work)
        process.stdin.write("\n")
        process.stdin.flush()
        after = json.loads(process.stdout.readline())
        process.communicate()

        assert after["delivered"] == 100_000
        assert after["grown"] < 60
        assert list(api.sequences().values()) == [list(range(1, 100_001))]
        assert set(api.times().values()) == {1}
