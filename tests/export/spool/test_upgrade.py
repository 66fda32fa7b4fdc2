"""An upgrade keeps the spool: what earlier versions wrote is delivered, what later ones did is kept."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pytest

from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.dead_letters import DeadLetter, DeadLetters
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.inspection import find_problems, list_pending
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.orphaned_backlog import OrphanedBacklog
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.segment_format import COMPLETED, RECORD, STARTED, Entry
from log10_trace.export.spool.serialization import dump_unreadable, serialize_dead_letter
from log10_trace.export.spool.spool import Spool, new_source
from log10_trace.guard import faults
from log10_trace.record.call_codec import decode, encode
from tests.completions_api import CompletionsAPI
from tests.export.factories import call, delivery, segments
from tests.record.entries import encode_version_1, relabel, relabel_version_1

STORED: Final = Path(__file__).parent / "data" / "spool-version-1"
"""A spool as version 0.1.0 left it: the process died with one call open. 000002.seg was delivered in part."""
SOURCE: Final = "0190a7c0d1e27f0080aa000000000001"
BASE: Final = {
    "kind": "chat",
    "source": SOURCE,
    "session_id": "0199c82c-c800-7000-8000-0000000000ff",
    "base_url": "https://api.openai.com/v1/",
    "tags": ["checkout", "v2"],
}


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


@pytest.fixture
def spool(private_home: Path) -> Path:
    """An empty spool's folder."""
    folder = private_home / "spool"
    folder.mkdir(mode=0o700, parents=True)
    return folder


def bind(folder: Path, url: str) -> None:
    """Have a source's records go to this server."""
    about = {"url": url, "organization_id": None, "key": None}
    (folder / "about.json").write_text(json.dumps(about))


def deliver(url: str) -> None:
    """Deliver what dead processes left, and stay within the books."""
    with delivery(url) as made:
        made.recover()
        assert made.flush(20.0)


def test_a_spool_of_version_1_is_delivered_whole(api: CompletionsAPI, spool: Path) -> None:
    """Stored bytes of version 0.1.0: plain, streamed, failed, redacted, long and unended calls all arrive."""
    shutil.copytree(STORED / SOURCE, spool / SOURCE)
    bind(spool / SOURCE, api.url)

    deliver(api.url)

    rows = {row["sequence"]: row for row in api.stored if row.get("sequence")}
    assert sorted(rows) == [1, 2, 3, 4, 5, 7], "sequence 6 was delivered before, says the done word"
    for sequence in (1, 2, 3, 4, 7):
        assert rows[sequence] | BASE == rows[sequence]
    texts = {at: rows[at]["response"]["choices"][0]["message"]["content"] for at in (1, 2, 4, 7)}
    assert texts == {1: "first", 2: "second", 4: "fourth", 7: "eighth"}
    assert (rows[1]["duration"], rows[1]["retries"], rows[1]["request_id"]) == (1.5, 1, "req_1")
    assert rows[2]["time_to_first_token"] == 0.2
    assert (rows[3]["status"], rows[3]["failure_kind"], rows[3]["metadata"]) == (
        "failed", "APITimeoutError", {"customer": "42"},
    )  # fmt: skip
    assert rows[5]["tags"] == ["masked"]
    (died,) = [row for row in api.stored if row.get("failure_kind") == "ProcessDied"]
    assert died["request"]["messages"][0]["content"] == "six"
    assert not segments(spool)
    assert not len(DeadLetters(spool))


def left_behind(spool: Path, url: str, *entries: tuple[int, int, list[bytes]]) -> Path:
    """The folder of a process that died with these entries in its spool."""
    source_lock = Spool(spool).create(new_source(), Destination(url=url, organization_id=None, key=None))
    journal = Journal(
        source_lock.source,
        source_lock,
        SizeLimits(disk=2**20, memory=2**20),
        threading.RLock(),
        lambda _: None,
    )
    for kind, sequence, parts in entries:
        journal.append(kind, sequence, parts)
    journal.detach_after_fork()
    return source_lock.folder


def of_version_3(parts: list[bytes]) -> list[bytes]:
    """The entry as a later version with another layout would write it."""
    return [b"\x03" + b"".join(parts)[1:]]


def with_one_more_shared_label(parts: list[bytes]) -> list[bytes]:
    """The entry as a later version that knows a label more would write it."""
    return [relabel(b"".join(parts), shared=lambda labels: labels | {"new": 1})]


def with_one_more_label(parts: list[bytes]) -> list[bytes]:
    """The entry as a later version that knows a label more would write it, of which few calls have it."""
    return [relabel(b"".join(parts), others=lambda labels: labels | {"new": 1})]


def of_version_1_with_one_more_label(parts: list[bytes]) -> list[bytes]:
    """The entry as a version between the two would have written it."""
    return [relabel_version_1(encode_version_1(decode(b"".join(parts))), lambda labels: [*labels, "new"])]


NEWER: Final[Any] = pytest.mark.parametrize(
    "newer",
    [of_version_3, with_one_more_shared_label, with_one_more_label, of_version_1_with_one_more_label],
)


@pytest.mark.parametrize("kind", [RECORD, COMPLETED, STARTED])
def test_entries_of_the_version_before_are_delivered(api: CompletionsAPI, spool: Path, kind: int) -> None:
    """What waits in the layout of version 1 goes to the server, whatever became of its call."""
    sequence = 0 if kind == STARTED else 1
    made = call()
    left_behind(spool, api.url, (kind, sequence, [encode_version_1(made)]))

    deliver(api.url)

    (record,) = api.stored
    assert (record["id"], record["request"]) == (made.id, json.loads(made.request))
    assert not segments(spool)
    assert len(DeadLetters(spool)) == 0


@NEWER
@pytest.mark.parametrize("kind", [RECORD, COMPLETED, STARTED])
def test_entries_of_a_later_version_are_kept_as_they_are(
    api: CompletionsAPI, spool: Path, newer: Callable[[list[bytes]], list[bytes]], kind: int
) -> None:
    """What this version cannot read is neither delivered, nor a dead letter, nor changed by a byte."""
    sequence = 0 if kind == STARTED else 1
    folder = left_behind(spool, api.url, (kind, sequence, newer(encode(call()))))
    (path,) = segments(spool)
    before = path.read_bytes()

    deliver(api.url)
    deliver(api.url)

    assert path.read_bytes() == before
    assert sorted(each.name for each in folder.iterdir()) == ["000001.seg", "about.json", "lock"]
    assert api.stored == []
    assert len(DeadLetters(spool)) == 0
    (found,) = list_pending(Spool(spool))
    assert (found.newer, found.deliverable, found.sequences) == (sequence, 0, [1] * sequence)
    assert [each.what for each in find_problems(Spool(spool), [found])] == [
        "holds 1 entries of a later version"
    ]


def test_an_entry_of_a_kind_to_come_is_kept(api: CompletionsAPI, spool: Path) -> None:
    """An entry of a kind that this version does not know is not taken for a record."""
    left_behind(spool, api.url, (9, 1, encode(call())))

    deliver(api.url)

    assert api.stored == []
    assert [each.newer for each in list_pending(Spool(spool))] == [1]


@NEWER
def test_what_stands_around_entries_of_a_later_version_is_delivered_once(
    api: CompletionsAPI, spool: Path, newer: Callable[[list[bytes]], list[bytes]]
) -> None:
    """The rest of the segment goes, and does not come again with the next process that looks at it."""
    kept = newer(encode(call("kept")))
    left_behind(
        spool, api.url,
        (RECORD, 1, encode(call())), (RECORD, 2, kept), (RECORD, 3, encode(call())),
        (STARTED, 0, encode(call())),
    )  # fmt: skip

    deliver(api.url)
    deliver(api.url)

    assert sorted(row["sequence"] for row in api.stored if row.get("sequence")) == [1, 3]
    assert len(api.stored) == 3
    (found,) = list_pending(Spool(spool))
    assert found.sequences == [2]
    assert b"".join(kept) in segments(spool)[0].read_bytes()


def test_what_a_later_version_wrote_is_counted_when_it_is_given_up(spool: Path) -> None:
    """A spool that is full gives up such records as any others, and says which."""
    left_behind(spool, "http://127.0.0.1:9", (RECORD, 1, of_version_3(encode(call()))))
    (source_lock,) = Spool(spool).lock_orphans(lambda _: True)
    losses: list[Loss] = []
    orphan = OrphanedBacklog(source_lock, losses.append)
    assert orphan.read(10, 10**6) == []
    orphan.release()

    assert orphan.drop_oldest("spool_full") > 0

    assert [(loss.reason, loss.first, loss.last) for loss in losses] == [("spool_full", 1, 1)]
    assert orphan.end()


@pytest.mark.parametrize("sequence", [1, 0], ids=["record", "unended call"])
def test_a_dead_letter_that_an_earlier_version_could_not_read_is_read_anew(
    spool: Path, sequence: int
) -> None:
    """What became a dead letter because its entry was of a later version is sent as the record that it is."""
    kept = call("kept")
    entry = Entry(RECORD, sequence, b"".join(encode(kept)), 0, 0)
    letter = DeadLetter(
        id="an id of its own", source="s", sequence=sequence, url="", status=0, code="unreadable",
        message="", completion=dump_unreadable(entry),
    )  # fmt: skip

    sent = serialize_dead_letter(letter)

    record = json.loads(sent.body)
    assert (sent.id, record["source"]) == (kept.id, "s")
    assert record["request"]["messages"][0]["content"] == "kept"
    assert (record.get("failure_kind"), record.get("sequence")) == (
        (None, 1) if sequence else ("ProcessDied", None)
    )


@pytest.mark.parametrize("completion", [b'{"id": "i"}', b'{"entry": "?"}', b'{"entry": 1}', b'{"entry": ""}'])
def test_any_other_dead_letter_is_sent_as_it_stands(completion: bytes) -> None:
    """A letter that holds a record, or nothing that can be read, goes as the text it is."""
    letter = DeadLetter(
        id="i", source="s", sequence=1, url="", status=422, code="c", message="m", completion=completion
    )

    assert serialize_dead_letter(letter) == OutboundRecord("i", (completion,), update=True)


def test_a_segment_of_a_later_format_names_its_file(api: CompletionsAPI, spool: Path) -> None:
    """A whole file of a later format is left alone, and named with what to do."""
    left_behind(spool, api.url, (RECORD, 1, encode(call())))
    (path,) = segments(spool)
    head = bytearray(path.read_bytes())
    head[8:10] = (2).to_bytes(2, "little")
    head[40:44] = crc32(head[:40]).to_bytes(4, "little")
    path.write_bytes(head)
    counted = faults.counts().get("reading the spool", 0)

    deliver(api.url)

    assert path.read_bytes() == bytes(head)
    (problem,) = find_problems(Spool(spool), list_pending(Spool(spool)))
    assert (problem.path, problem.what) == (path, "was written by a later version (format 2)")
    assert "Upgrade" in problem.remedy
    assert faults.counts()["reading the spool"] > counted
