"""The sink on the caller's thread: what is kept of calls, and what is not kept in memory."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from log10_trace import redact
from log10_trace.export.spool.journal import EntryLocation, Journal
from log10_trace.export.spool.segment_format import STARTED
from log10_trace.redact.content_mask import mask_contents
from tests import completions_api as does
from tests.completions_api import CompletionsAPI, Exchange
from tests.export.factories import begun, call, delivery, keep, segments, settled
from tests.processes import until


def test_a_call_that_cannot_be_kept_is_counted_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours costs the one record: it is counted as given up, and the call is not taken for open."""

    def fails(_: object) -> list[bytes]:
        raise ValueError

    with delivery() as made:
        made.sink.on_start(lost := call())
        with monkeypatch.context() as patched:
            patched.setattr("log10_trace.export.journal_sink.encode", fails)
            made.sink.on_end(lost)
        made.sink.on_start(begun())

        assert made.stats().dropped == {"fault": 1}
        assert settled(made)
        assert made.sink.write_started_records(time.perf_counter_ns(), 10**12) is not None
        assert len(made.sink._open) == 1


@pytest.mark.parametrize("redactor", [None, lambda record: record], ids=["as it is", "redacted"])
def test_a_record_that_is_lost_after_it_was_numbered_is_named(
    monkeypatch: pytest.MonkeyPatch, redactor: redact.Redactor | None
) -> None:
    """A fault of ours while a record is written leaves a gap in the sequence, and the loss log names it."""

    def fails(*_: object) -> EntryLocation:
        patched.undo()
        raise ValueError

    with delivery(redact=redactor) as made:
        keep(made, 1)
        until(lambda: not made.sink.unredacted, "the first is kept")
        with monkeypatch.context() as patched:
            patched.setattr(Journal, "append", fails)
            keep(made, 1)
            until(lambda: made.stats().dropped, "the loss is counted")
        keep(made, 1)

        (loss,) = made.loss_log.losses()
        assert (loss.reason, loss.first, loss.last, loss.count) == ("fault", 2, 2, 1)
        assert made.stats().dropped == {"fault": 1}
        assert made.stats().captured == 3
        assert settled(made)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, TimeoutError])
@pytest.mark.parametrize(
    ("place", "captured"),
    [
        ("log10_trace.export.journal_sink.encode", 2),
        ("log10_trace.export.spool.segment_format.encode_entry_header", 3),
        ("log10_trace.export.spool.journal.write_all", 3),
    ],
    ids=["packed", "checked", "written"],
)
def test_a_call_that_a_signal_handler_ends_here_is_in_the_books(
    monkeypatch: pytest.MonkeyPatch, place: str, captured: int, raised: type[BaseException]
) -> None:
    """Wherever it raises, Ctrl-C or a time limit, the record is kept, given up, or was never taken."""

    def interrupt(*_: object) -> None:
        raise raised

    def be_interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGUSR2)

    before = signal.signal(signal.SIGUSR2, interrupt)
    with CompletionsAPI() as api, delivery(api.url) as made:
        keep(made, 1)
        with monkeypatch.context() as patched:
            patched.setattr(place, be_interrupted)
            with pytest.raises(raised):
                made.sink.on_end(call())
        signal.signal(signal.SIGUSR2, before)
        keep(made, 1)
        until(lambda: not made.stats().pending, "the books are settled")

        assert made.stats().captured == captured
        assert made.stats().delivered == 2
        assert settled(made)


def test_what_waits_to_be_redacted_is_on_disk_when_the_end_gives_up(private_home: Path) -> None:
    """A call that ends while the last attempt fails is redacted and kept before the thread ends."""
    with CompletionsAPI() as api, delivery(api.url, redact=lambda record: record) as made:
        api.behave(does.status(503))
        keep(made, 1)
        assert not made.flush(0.1)

        def fails_late(exchange: Exchange) -> None:
            keep(made, 1)
            exchange.answer(503)

        api.behave(fails_late)
        assert not made.close(10.0)

        assert made.sink.unredacted == 0
        assert made.stats().pending == made.stats().spooled
        assert segments(private_home / "spool")
        assert settled(made)


def test_what_waits_to_be_redacted_is_on_disk_when_the_api_never_answers(private_home: Path) -> None:
    """While our thread waits for an answer at the end of the program, what comes is redacted beside it."""
    with CompletionsAPI() as api, delivery(api.url, redact=redact.patterns("secret-[0-9]+")) as made:
        api.behave(does.hang)
        keep(made, 1)
        api.wait_for(lambda api: api.requests)
        keep(made, 9, "secret-123")
        assert made.stats().spooled == 1

        assert not made.close(30.0)

        assert made.stats().pending == made.stats().spooled == 10
        assert b"secret-123" not in b"".join(each.read_bytes() for each in segments(private_home / "spool"))


@pytest.mark.parametrize(
    ("redactor", "expected"),
    [
        (lambda record: record, {"user_id": 42, "order": "own"}),
        (redact.path("$.request.metadata.order"), {"user_id": 42, "order": "[redacted]"}),
        (mask_contents, {"user_id": 42}),
    ],
    ids=["kept", "redacted", "no contents"],
)
def test_metadata_of_the_request_is_joined_as_the_redactor_leaves_it(
    private_home: Path, redactor: redact.Redactor, expected: dict[str, Any]
) -> None:
    """What is redacted in the request does not stand in the metadata of the record."""
    with CompletionsAPI() as api, delivery(api.url, redact=redactor) as made:
        one = call("answer")
        one.request, one.metadata = b'{"messages":[],"metadata":{"order":"own"}}', {"user_id": 42}
        made.sink.on_end(one)
        assert made.flush(60.0)

        assert api.rows()[one.id]["metadata"] == expected


def test_calls_after_the_end_are_redacted_where_they_end(private_home: Path) -> None:
    """A call that an exit handler makes after ours is redacted and kept, though no thread is there for it."""
    with delivery(redact=lambda record: record) as made:
        made.exit()
        keep(made, 1)

        assert made.stats().spooled == 1


def test_a_call_that_is_kept_holds_no_body(private_home: Path) -> None:
    """A program that holds its streams holds their calls: what came is on disk, and no longer in memory."""
    with CompletionsAPI() as api, delivery(api.url) as made:
        held = [call("first"), call("second")]
        for each in held:
            made.sink.on_end(each)
        assert made.flush(60.0)

        assert [each.chunks for each in held] == [[], []]
        answers = [api.rows()[each.id]["response"]["choices"][0]["message"]["content"] for each in held]
        assert answers == ["first", "second"]


def test_a_call_that_ends_while_it_is_shown_as_started_is_over(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector ends a call on our thread, just after its start was written: its end counts."""
    append = Journal.append
    long_call = call()

    def append_and_end(journal: Journal, kind: int, sequence: int, parts: Sequence[bytes]) -> EntryLocation:
        location = append(journal, kind, sequence, parts)
        if kind == STARTED:
            made.sink.on_end(long_call)
        return location

    with CompletionsAPI() as api:
        with delivery(api.url) as made:
            made.sink.on_start(long_call)
            monkeypatch.setattr(Journal, "append", append_and_end)
            with made.sink.monitor:
                made.sink.write_started_records(time.perf_counter_ns(), 0)
            assert made.flush(60.0)
        assert not segments(private_home / "spool")

        with delivery(api.url) as following:
            following.recover()
            assert following.flush(60.0)

        assert api.times() == {long_call.id: 1}
        assert [each["status"] for each in api.stored] == ["finished"]


def test_the_beginning_of_a_call_is_on_disk_when_it_is_kept(private_home: Path) -> None:
    """Once, however often it is asked for; the end takes its place, and nothing of it is left."""
    with CompletionsAPI() as api:
        with delivery(api.url, flush_interval=3600.0) as made:
            running, ended = call("running"), call("ended")
            for each in (running, ended):
                made.sink.on_start(each)
                made.sink.keep_started(each)
                made.sink.keep_started(each)
            written = segments(private_home / "spool")[0].read_bytes()
            made.sink.on_end(ended)
            made.sink.keep_started(ended)
            assert made.flush(60.0)
            assert api.rows()[ended.id]["status"] == "finished"
            assert api.rows()[running.id]["status"] == "started"
            made.sink.on_end(running)

        assert [written.count(text) for text in (b"running", b"ended")] == [1, 1]
        assert {each["status"] for each in api.rows().values()} == {"finished"}
        assert not segments(private_home / "spool")


def test_the_beginning_of_a_call_that_is_to_be_redacted_is_not_kept(private_home: Path) -> None:
    """Nothing unredacted is written: the delivery thread shows it, redacted, as of any call."""
    with CompletionsAPI() as api, delivery(api.url, redact=lambda record: record) as made:
        running = begun("running")
        made.sink.on_start(running)
        made.sink.keep_started(running)

        assert not [each for each in segments(private_home / "spool") if b"running" in each.read_bytes()]
