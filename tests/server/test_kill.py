"""The server is killed under load, again and again: what it acknowledged over HTTP is there."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from log10_trace.local_server import LocalServer
from log10_trace.server.store.sqlite.schema import open_database
from tests.processes import server
from tests.rounds import rounds

ROUNDS = rounds(5, thorough=12)
CLIENTS = 6
BATCH = 5


class Client(threading.Thread):
    """Posts single records and batches until the server is gone; remembers what was acknowledged."""

    def __init__(self, found: LocalServer, name: str, enough: threading.Semaphore) -> None:
        super().__init__()
        self._found, self._prefix, self._enough = found, name, enough
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        """Alternate between one record and several."""
        headers = {"X-Log10-Token": self._found.token}
        with httpx.Client(base_url=self._found.url, headers=headers, timeout=120) as http:
            for number in range(10_000):
                try:
                    self._post_one(http, f"{self._prefix}-{number}")
                    self._post_batch(http, [f"{self._prefix}-{number}-{item}" for item in range(BATCH)])
                except httpx.HTTPError:
                    return
                self._enough.release()

    def _post_one(self, http: httpx.Client, completion_id: str) -> None:
        if http.post("/api/v1/completions", json=record(completion_id)).status_code == 201:
            self.acknowledged.add(completion_id)

    def _post_batch(self, http: httpx.Client, ids: list[str]) -> None:
        lines = "\n".join(json.dumps(record(completion_id)) for completion_id in ids)
        answer = http.post(
            "/api/v1/completions/batch", content=lines, headers={"Content-Type": "application/x-ndjson"}
        )
        results = answer.json()["results"]
        self.acknowledged |= {result["id"] for result in results if result["status"] == 201}


def record(completion_id: str) -> dict[str, object]:
    """A record that says its own name."""
    messages = [{"role": "user", "content": f"word {completion_id} " * 50}]
    return {"id": completion_id, "kind": "chat", "status": "finished", "request": {"messages": messages}}


@pytest.mark.promises
@pytest.mark.slow
def test_what_the_server_acknowledged_survives_its_kills(private_home: Path, tmp_path: Path) -> None:
    """SIGKILL of the server under load loses no record that was answered with success; the file is sound."""
    path = tmp_path / "killed.db"
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= _killed(private_home, path, f"round{number}", passes=1 + number * 5)

    with server(private_home, "--database", str(path)) as found:
        kept = _ids(found)

    assert len(acknowledged) > ROUNDS * BATCH
    assert acknowledged <= kept
    connection = open_database(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    connection.close()


def _killed(home: Path, path: Path, name: str, *, passes: int) -> set[str]:
    """Kill the server once its clients have gone through that many passes; what it had acknowledged."""
    enough = threading.Semaphore(0)
    with server(home, "--database", str(path)) as found:
        clients = [Client(found, f"{name}-{number}", enough) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(passes):
            assert enough.acquire(timeout=120)
        os.kill(found.pid, signal.SIGKILL)
        for client in clients:
            client.join()
    return set().union(*(client.acknowledged for client in clients))


def _ids(found: LocalServer) -> set[str]:
    answer = httpx.get(
        f"{found.url}/api/v1/completions",
        params={"format": "jsonl"},
        headers={"X-Log10-Token": found.token},
        timeout=120,
    )
    return {json.loads(line)["id"] for line in answer.text.splitlines()}
