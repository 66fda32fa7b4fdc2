"""``spool``, ``verify`` and ``doctor``: what waits, what arrived, and what to do about it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace.export.spool import segment_format
from log10_trace.export.spool.destination import fingerprint
from log10_trace.local_server import LocalServer, register
from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.processes import DEADLINE_S, environment, program, server

LEAVE = """
import os
from tests.export.factories import config, keep
from log10_trace.export import Delivery

keep(Delivery(config({url!r}, **{settings})), {count})
os._exit(0)
"""


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def leave(home: Path, count: int, url: str | None = None, **settings: Any) -> None:
    """A process that keeps so many records and dies before it has sent one."""
    settings = {"flush_interval": 60.0, **settings}
    ended = program(home, LEAVE.format(url=url, count=count, settings=settings))
    assert ended.returncode == 0, ended.stderr


def log10_trace(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    ended = subprocess.run(
        [sys.executable, "-m", "log10_trace", *arguments],
        capture_output=True,
        text=True,
        env=environment(home, **variables),
        timeout=DEADLINE_S,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended


def test_spool_status_tells_what_waits(private_home: Path) -> None:
    """For each process that captured records: how many wait, where they are to go."""
    leave(private_home, 3)
    leave(private_home, 2, "http://127.0.0.1:9")

    found = json.loads(log10_trace(private_home, "spool", "status", "--json").stdout)

    assert [(each["records"], each["url"], each["running"]) for each in found["waiting"]] == [
        (3, None, False),
        (2, "http://127.0.0.1:9", False),
    ]
    assert found["waiting"][0]["sequences"] == [[1, 3]]


def test_what_waits_for_another_key_names_it(private_home: Path) -> None:
    """Records that were captured with a key name its fingerprint, and never the key."""
    url, theirs = "http://127.0.0.1:9", fingerprint("another's")
    leave(private_home, 2, url, token="another's")
    leave(private_home, 1, url, token="mine")

    listed = log10_trace(private_home, "spool", "status", "--json").stdout
    seen = log10_trace(private_home, "doctor", "--json", LOG10_URL=url, LOG10_TOKEN="mine").stdout

    assert [each["key"] for each in json.loads(listed)["waiting"]] == [theirs, fingerprint("mine")]
    found = {each["what"]: each for each in map(json.loads, seen.splitlines())}
    assert found["waiting"]["found"] == "1 records"
    assert "2 records" in found["for others"]["found"]
    assert f"fingerprint {theirs}" in found["for others"]["remedy"]
    assert "another's" not in listed + seen


def test_spool_flush_delivers_ours_and_nobody_elses(private_home: Path, api: CompletionsAPI) -> None:
    """What is bound for this server goes there; what is bound elsewhere, or has another key, stays."""
    api.behave(does.status(503))
    leave(private_home, 3, api.url, token="mine")
    leave(private_home, 4, api.url, token="another's")
    leave(private_home, 2, "http://127.0.0.1:9", token="mine")
    api.behave(does.work)

    done = log10_trace(private_home, "spool", "flush", LOG10_URL=api.url, LOG10_TOKEN="mine")

    assert (done.returncode, done.stdout) == (0, "Delivered 3 records; 6 wait.\n")
    assert "LOG10_URL=http://127.0.0.1:9" in done.stderr
    assert len(api.rows()) == 3

    done = log10_trace(private_home, "spool", "flush", "--any-key", LOG10_URL=api.url, LOG10_TOKEN="mine")
    assert done.stdout == "Delivered 4 records; 2 wait.\n"


def test_spool_flush_without_a_server_says_what_to_type(private_home: Path) -> None:
    """Without a server the command fails with its own code, and loses nothing."""
    leave(private_home, 3)

    done = log10_trace(private_home, "spool", "flush")

    assert done.returncode == 3
    assert "log10-trace serve" in done.stderr
    assert json.loads(log10_trace(private_home, "spool", "status", "--json").stdout)["waiting"]


def test_dead_letters_can_be_looked_at_and_sent_again(private_home: Path, api: CompletionsAPI) -> None:
    """A refused record is there with its reason, and goes out of the folder once the server takes it."""
    api.refusal = lambda record: (422, {"code": "invalid", "message": "no"})
    leave(private_home, 0, api.url)
    work = f"made = Delivery(config({api.url!r})); keep(made, 2); made.flush(10)"
    program(private_home, "from tests.export.factories import *\n" + work)
    variables = {"LOG10_URL": api.url}

    listed = log10_trace(private_home, "spool", "dead-letters", "--json", **variables).stdout.splitlines()
    dead_letters = [json.loads(line) for line in listed]
    assert {each["sequence"]: (each["status"], each["code"]) for each in dead_letters} == {
        1: (422, "invalid"),
        2: (422, "invalid"),
    }
    assert dead_letters[0]["completion"]["request"]["messages"][0]["content"] == "hello"

    refused = log10_trace(private_home, "spool", "dead-letters", "--send", **variables)
    assert refused.returncode == 4
    api.refusal = lambda record: None
    sent = log10_trace(private_home, "spool", "dead-letters", "--send", **variables)
    assert (sent.returncode, sent.stdout) == (0, "Sent 2 records; 0 stay dead letters.\n")
    assert len(api.rows()) == 2
    assert log10_trace(private_home, "spool", "dead-letters", "--json", **variables).stdout == ""


def test_serve_delivers_what_was_left_and_verify_proves_it(private_home: Path) -> None:
    """The server takes over what dead processes left; verify counts it, gaps and calls not ended."""
    leave(private_home, 5)
    with server(private_home) as ours:
        done = log10_trace(private_home, "spool", "flush", LOG10_URL="")
        whole = log10_trace(private_home, "verify", "--json")
        assert whole.returncode == 0, done.stdout + whole.stdout
        (source,) = [json.loads(line) for line in whole.stdout.splitlines()]
        assert source["arrived"] + sum(last - first + 1 for first, last in source["waiting"]) == 5

        for sequence in (1, 3):
            record = {"kind": "chat", "status": "finished", "source": "s", "sequence": sequence}
            headers = {"X-Log10-Token": ours.token}
            httpx.post(
                f"{ours.url}/api/v1/completions", json=record, headers=headers, timeout=DEADLINE_S
            ).raise_for_status()
        begun = {"kind": "chat", "status": "started", "source": "s"}
        httpx.post(
            f"{ours.url}/api/v1/completions", json=begun, headers=headers, timeout=DEADLINE_S
        ).raise_for_status()
        broken = log10_trace(private_home, "verify", "--json")

    assert broken.returncode == 1
    accounts = {each["source"]: each for each in map(json.loads, broken.stdout.splitlines())}
    assert set(accounts) == {source["source"], "s"}
    assert [accounts["s"][name] for name in ("missing", "unended")] == [[[2, 2]], 1]
    assert [accounts[source["source"]][name] for name in ("missing", "unended")] == [[], 0]


def test_doctor_finds_everything_in_order(private_home: Path) -> None:
    """With a server running and nothing waiting every line says ok."""
    with server(private_home):
        done = log10_trace(private_home, "doctor")

    assert done.returncode == 0, done.stdout
    assert all(line.startswith("ok") for line in done.stdout.splitlines())


def test_doctor_says_what_to_do(private_home: Path) -> None:
    """What is not in order has a line with the remedy below it, and the exit code says so."""
    leave(private_home, 3)
    register(LocalServer(url="http://127.0.0.1:9", token="t", pid=os.getpid()))

    done = log10_trace(private_home, "doctor", "--json")

    found = {each["what"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert found["waiting"]["remedy"] == "Type: log10-trace spool flush"
    assert "does not answer" in found["server"]["found"]


def test_doctor_names_a_setting_that_cannot_be_used(private_home: Path) -> None:
    """A bad setting is a line like any other."""
    done = log10_trace(private_home, "doctor", LOG10_URL="nonsense")

    assert done.returncode == 1
    assert "LOG10_URL='nonsense' cannot be used" in done.stdout


def sources(home: Path) -> list[Path]:
    """The folders in the spool, oldest first."""
    return sorted(each for each in (home / "spool").iterdir() if len(each.name) == 32)


def test_status_and_doctor_name_every_damaged_file(private_home: Path) -> None:
    """Each file or folder that is not in order is named, with what is wrong and what to do."""
    for _ in range(4):
        leave(private_home, 2)
    first, second, third, fourth = sources(private_home)
    os.truncate(first / "000001.seg", 30)
    (second / "lock").unlink()
    (third / "000009.seg").mkdir()
    (fourth / ".DS_Store").touch()
    expected = {
        str(first / "000001.seg"): "is truncated to 30 bytes",
        str(second / "lock"): "is missing or not a file",
        str(third / "000009.seg"): "is a folder",
        str(fourth / ".DS_Store"): "is not a file of the spool",
    }

    told = json.loads(log10_trace(private_home, "spool", "status", "--json").stdout)
    shown = log10_trace(private_home, "spool", "status")
    looked_at = log10_trace(private_home, "doctor", "--json").stdout.splitlines()

    assert {each["path"]: each["problem"] for each in told["problems"]} == expected
    assert all(each["remedy"] for each in told["problems"])
    assert all(f"{path} {what}" in shown.stderr for path, what in expected.items())
    files = [each for each in map(json.loads, looked_at) if each["what"] == "spool file"]
    assert [each["found"] for each in files] == [f"{path} {what}" for path, what in expected.items()]
    assert not any(each["ok"] for each in files)


@pytest.mark.parametrize("about", [None, "", '{"url": 1}'], ids=["missing", "empty", "broken"])
def test_records_without_a_destination_are_delivered_as_doctor_says(
    private_home: Path, api: CompletionsAPI, about: str | None
) -> None:
    """Such records go nowhere by themselves; the command that doctor names delivers them."""
    leave(private_home, 2)
    (folder,) = sources(private_home)
    (folder / "about.json").unlink()
    if about is not None:
        (folder / "about.json").write_text(about)

    usual = log10_trace(private_home, "spool", "flush", LOG10_URL=api.url)
    looked_at = log10_trace(private_home, "doctor", "--json", LOG10_URL=api.url).stdout.splitlines()
    listed = log10_trace(private_home, "spool", "status")

    assert (usual.returncode, usual.stdout) == (0, "Delivered 0 records; 2 wait.\n")
    assert "--unknown-destination" in usual.stderr
    found = {each["what"]: each for each in map(json.loads, looked_at)}
    assert found["waiting"]["found"] == "0 records"
    assert "--unknown-destination" in found["spool file"]["remedy"]
    assert "--unknown-destination" in found["for others"]["remedy"]
    assert "LOG10_URL" not in found["for others"]["remedy"]
    assert "not known" in listed.stdout

    done = log10_trace(private_home, "spool", "flush", "--unknown-destination", LOG10_URL=api.url)
    assert (done.returncode, done.stdout) == (0, "Delivered 2 records; 0 wait.\n")
    assert len(api.rows()) == 2
    assert not sources(private_home)


def test_records_of_a_later_version_are_counted_and_no_failure(
    private_home: Path, api: CompletionsAPI
) -> None:
    """What only a later version can deliver is said by status, doctor and flush, which succeeds."""
    leave(private_home, 2, api.url, token="mine")
    (path,) = private_home.glob("spool/*/*.seg")
    later(path)
    variables = {"LOG10_URL": api.url, "LOG10_TOKEN": "mine"}

    done = log10_trace(private_home, "spool", "flush", **variables)
    (waits,) = json.loads(log10_trace(private_home, "spool", "status", "--json").stdout)["waiting"]
    looked_at = log10_trace(private_home, "doctor", "--json", **variables).stdout.splitlines()

    assert (done.returncode, done.stdout) == (0, "Delivered 0 records; 2 wait.\n")
    assert "upgrade log10-trace" in done.stderr
    assert (waits["records"], waits["later_version"]) == (2, 2)
    found = {each["what"]: each for each in map(json.loads, looked_at)}
    assert found["waiting"]["ok"]
    # On a busy machine a call takes so long that it has an entry as started as well.
    assert re.search(r"holds [2-4] entries of a later version", found["spool file"]["found"])
    assert "Upgrade" in found["spool file"]["remedy"]
    assert found["dead letters"]["found"] == "0"


def later(path: Path) -> None:
    """Write a segment's entries as a later version would: with another version in each."""
    data = path.read_bytes()
    header = segment_format.decode_header(data)
    assert header is not None
    salt = segment_format.salt_of(header.source, header.number)
    content = data[: segment_format.FIRST_ENTRY_OFFSET]
    for each in segment_format.scan(
        lambda at, length: data[at : at + length], segment_format.FIRST_ENTRY_OFFSET, len(data), salt, None
    ):
        assert isinstance(each, segment_format.Entry)
        payload = b"\xff" + each.payload[1:]
        head, _ = segment_format.encode_entry_header(salt, each.kind, each.sequence, [payload])
        content += head + payload
    path.write_bytes(content)
