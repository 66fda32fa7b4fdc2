"""``log10-trace keys`` and ``log10-trace prune``: straight in the database, with or without a server."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace.cli.app import run
from log10_trace.domain.completion_record import parse
from log10_trace.domain.keys import Key, Scope, matches, split_token
from log10_trace.server.store import open_store
from tests.processes import DEADLINE_S, server, until


@dataclass(frozen=True)
class Run:
    """How one command ended."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Run]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs one ``log10-trace`` command in this process."""

    def run_one(*arguments: str) -> Run:
        monkeypatch.setattr("sys.argv", ["log10-trace", *arguments])
        returncode = run()
        return Run(returncode, *capsys.readouterr())

    return run_one


def listed(command: Command) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command("keys", "list", "--json").stdout.splitlines()]


def kept(home: Path, key_id: str) -> Key:
    store = open_store(home / "completions.db")
    try:
        found = store.keys.find(key_id)
    finally:
        store.close()
    assert found is not None
    return found


def test_a_list_of_keys_in_a_pipe_is_whole(private_home: Path, command: Command) -> None:
    """A row is a line, its cells apart by tabs: an id can be cut out of it and revoked."""
    del private_home
    command("keys", "create", "--scope", "read", "--name", "a name that is longer than a column " * 3)
    key_id, state, scopes, name, *_ = command("keys", "list").stdout.split("\t")

    assert (state, scopes, name[:6]) == ("valid", "read", "a name")
    assert command("keys", "revoke", key_id).returncode == 0


def test_a_key_is_shown_once_and_kept_as_a_hash(private_home: Path, command: Command) -> None:
    """What is printed is the key; the database and the list know only that it exists."""
    arguments = ("--scope", "ingest", "--name", "batch job", "--organization", "acme", "--expires", "90d")
    token = command("keys", "create", *arguments).stdout.strip()
    parts = split_token(token)
    assert parts is not None

    key = kept(private_home, parts[0])
    days = ((key.expires_at_ms or 0) - time.time() * 1000) / 86_400_000
    files = b"".join(path.read_bytes() for path in private_home.glob("completions.db*"))

    assert matches(parts[1], key)
    assert (key.organization_id, key.scopes, key.name) == ("acme", {Scope.INGEST}, "batch job")
    assert days == pytest.approx(90, abs=0.1)
    assert parts[1].encode() not in files
    assert parts[1] not in json.dumps(listed(command))
    assert listed(command)[0]["state"] == "valid"


def test_a_revoked_key_is_refused_by_the_running_server(private_home: Path, command: Command) -> None:
    """Revoking beside a running server takes effect without a restart; the list says so."""
    with server(private_home) as running:
        token = command("keys", "create", "--scope", "read").stdout.strip()
        headers = {"X-Log10-Token": token}
        url = f"{running.url}/api/v1/completions"
        assert httpx.get(url, headers=headers, timeout=DEADLINE_S).status_code == 200
        key_id = (split_token(token) or ("", ""))[0]

        assert command("keys", "revoke", key_id).returncode == 0
        until(
            lambda: httpx.get(url, headers=headers, timeout=DEADLINE_S).status_code == 401,
            "the revoked key is refused",
        )
        states = {key["id"]: key["state"] for key in listed(command)}

    assert states[key_id] == "revoked"
    assert sorted(states.values()) == ["revoked", "valid"]


def test_a_key_is_shown_to_its_holder_by_the_server(private_home: Path, command: Command) -> None:
    """Every key may ask what it is, one that reads nothing too; a wrong key is told what to do."""
    with server(private_home) as running:
        token = command("keys", "create", "--scope", "ingest", "--name", "batch job").stdout.strip()
        asked = ("keys", "show", "--url", running.url, "--token")
        row = command(*asked, token)
        document = command(*asked, token, "--json")
        wrong = command(*asked, "l10_00_wrong")

    key_id, secret = split_token(token) or ("", "")
    assert row.stdout.split("\t")[:4] == [key_id, "ingest", "batch job", "default"]
    assert json.loads(document.stdout).items() >= {"id": key_id, "scopes": ["ingest"]}.items()
    assert secret not in row.stdout + document.stdout
    assert wrong.returncode != 0
    assert "unknown, revoked or expired" in wrong.stderr


def test_a_key_that_is_not_there_cannot_be_revoked(private_home: Path, command: Command) -> None:
    """An unknown id is one sentence and exit code 1."""
    run = command("keys", "revoke", "0123456789abcdef")

    assert run.returncode == 1
    assert "There is no valid key with the id 0123456789abcdef." in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--scope", "everything"), ("--expires", "soon"), ("--organization", ""), ("--organization", "a\nb")],
)
def test_a_key_that_means_nothing_is_not_made(
    private_home: Path, command: Command, arguments: tuple[str, ...]
) -> None:
    """A scope, a span or an organization that means nothing is exit code 2, and no key."""
    run = command("keys", "create", *arguments)

    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert not (private_home / "completions.db").exists() or listed(command) == []


def test_prune_by_age_takes_the_old_and_leaves_the_rest(private_home: Path, command: Command) -> None:
    """Records of calls longer ago than the span are gone, the others stay."""
    store = open_store(private_home / "completions.db")
    for name, began in (
        ("old", "2001-01-01T00:00:00Z"),
        ("new", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
    ):
        text = json.dumps({"id": name, "status": "finished", "created_at": began})
        store.completions.put("default", parse(text)).result()
    store.close()

    run = command("prune", "--older-than", "30d", "--yes", "--json")

    store = open_store(private_home / "completions.db")
    left = [name for name in ("old", "new") if store.completions.get("default", name)]
    store.close()
    assert json.loads(run.stdout)["completions"] == 1
    assert left == ["new"]


def test_prune_asks_first(private_home: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a yes nothing is deleted."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    run = command("prune", "--older-than", "1s")

    assert run.returncode == 1
    assert not (private_home / "completions.db").exists()


@pytest.mark.parametrize("arguments", [(), ("--older-than", "a while"), ("--max-size", "much")])
def test_prune_needs_to_know_how_much(
    private_home: Path, command: Command, arguments: tuple[str, ...]
) -> None:
    """Without a bound, or with one that means nothing, prune does nothing: exit code 2."""
    assert command("prune", "--yes", *arguments).returncode == 2
