"""``backup`` and ``restore`` as a user types them, beside a server that is written to."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from log10_trace.client import Log10
from log10_trace.local_server import LocalServer
from tests.cli.conftest import Cli, Said, call
from tests.processes import environment, server


class Sender(threading.Thread):
    """Sends one call after the other until it is told to stop; ``acknowledged`` counts the stored ones."""

    def __init__(self, running: LocalServer) -> None:
        super().__init__()
        self.acknowledged = 0
        self.enough = threading.Semaphore(0)
        self.stopping = threading.Event()
        self._running = running

    def run(self) -> None:
        """Send."""
        with Log10(server_url=self._running.url, log10_token=self._running.token) as client:
            while not self.stopping.is_set():
                client.completions.batch(completions=[call(self.acknowledged)])
                self.acknowledged += 1
                self.enough.release()


def test_a_backup_under_writes_holds_what_was_acknowledged(tmp_path: Path, private_home: Path) -> None:
    """It is whole, has every call acknowledged before it began, and of the later ones the first so many."""
    home, file = tmp_path / "served", tmp_path / "saved.db"
    home.mkdir()
    with server(home) as running:
        sender = Sender(running)
        sender.start()
        try:
            for _ in range(20):
                assert sender.enough.acquire(timeout=60)
            before = sender.acknowledged
            done = Cli(running.url, "", environment(home)).run("backup", str(file))
        finally:
            sender.stopping.set()
            sender.join()
        after = sender.acknowledged
    with closing(sqlite3.connect(file)) as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchone()
        ids = [row[0] for row in connection.execute("SELECT id FROM completions ORDER BY id")]

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith(f"Backed up {len(ids)} calls to {file} (")
    assert whole == ("ok",)
    assert before <= len(ids) <= after
    assert ids == [call(number)["id"] for number in range(len(ids))]


def test_a_restored_server_serves_the_backup(tmp_path: Path, private_home: Path) -> None:
    """A server on the restored database serves its calls and takes its keys; meanwhile it is not replaced."""
    home, elsewhere, file = tmp_path / "served", tmp_path / "elsewhere", tmp_path / "saved.db"
    for folder in (home, elsewhere):
        folder.mkdir()
    with server(home) as running:
        with Log10(server_url=running.url, log10_token=running.token) as client:
            client.completions.batch(completions=[call(1), call(2)])
        Cli("", "", environment(home)).text("backup", str(file))
    there = Cli("", "", environment(elsewhere))
    said = there.text("restore", str(file))

    with server(elsewhere) as restored, Log10(server_url=restored.url, log10_token=running.token) as client:
        found = [each.id for each in client.completions.list()]
        refused = there.run("restore", str(file), "--force")
    held = there.run("restore", str(file))

    assert said == f"Restored 2 calls to {elsewhere / 'completions.db'}.\n"
    assert found == [call(2)["id"], call(1)["id"]]
    assert (refused.returncode, b"log10-trace serve has the database" in refused.stderr) == (1, True)
    assert (held.returncode, b"holds 2 calls" in held.stderr) == (1, True)


def test_a_postgresql_database_has_its_own_tools(within: Callable[..., Said]) -> None:
    """The message names them, and no password."""
    url = "postgresql://user:secret@db.example/log10"

    for words, tool in ((("backup", "f"), "pg_dump"), (("restore", "f"), "pg_restore")):
        done = within(*words, "--database", url)
        assert (done.returncode, tool in done.err, "secret" in done.err) == (1, True, False)


def test_the_screen_says_what_is_not_in_a_backup(
    cli: Cli, served: tuple[LocalServer, Path], tmp_path: Path
) -> None:
    """In 80 columns no line is longer, and what the backup leaves out stands there with its place."""
    home = served[1]
    screen = cli.screen("backup", str(tmp_path / "a.db"), width=80, LOG10_HOME=str(home))

    said = screen.text.partition("Backed up")[2].splitlines()  # before it, bars were drawn and erased
    assert screen.returncode == 0, screen.text
    assert max(len(line.rstrip()) for line in said) <= 80
    assert "does not hold records that wait for delivery" in " ".join(" ".join(said).split())
