"""Nothing acknowledged is lost: real writers, killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.sqlite.schema import open_database
from tests.processes import DEADLINE_S
from tests.rounds import rounds
from tests.server.store.factories import ORG

ROUNDS = rounds(25, thorough=100)

WRITER = """
import itertools, json, sys
from log10_trace.domain.completion_record import parse
from log10_trace.server.store import open_store

store = open_store(sys.argv[1])
said = sys.stdout.write
words = " ".join(f"word{number}" for number in range(200))
for number in itertools.count():
    batch = []
    for item in range(8):
        fields = {
            "id": f"{sys.argv[2]}-{number}-{item}", "status": "finished", "tags": ["t"], "session_id": "s",
            "request": {"messages": [{"role": "user", "content": f"{words} {number}"}]},
            "source": sys.argv[2], "sequence": number * 8 + item + 1,
        }
        batch.append(parse(json.dumps(fields)))
    for future in store.completions.put_many("org", batch):
        said(future.result().stored.id + "\\n")
    sys.stdout.flush()
"""


@pytest.mark.promises
@pytest.mark.slow
def test_no_acknowledged_record_is_lost_over_many_kills(tmp_path: Path) -> None:
    """SIGKILL at many moments: each record that was acknowledged is there, and the file is sound."""
    path = tmp_path / "a.db"
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= _killed(path, f"round{number}", acknowledgements=1 + number * 3 % 97)

    store = open_store(path)
    kept = {one.id for one in store.completions.stream(ORG, CompletionFilter())}
    found = {
        item.id
        for item in store.completions.page(ORG, CompletionFilter(text="word7"), limit=len(kept) + 1).items
    }
    reports = store.reports.sources(ORG)
    store.close()

    assert len(acknowledged) >= ROUNDS
    assert acknowledged <= kept
    assert found == kept
    assert sum(report.count for report in reports) == len(kept)
    _assert_sound(path)


def _killed(path: Path, name: str, *, acknowledgements: int) -> set[str]:
    """Start a writer, kill it once it has acknowledged that many, and give what it had acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE, env=os.environ, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledgements)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=DEADLINE_S)
    complete = [line for line in (*lines, *rest.splitlines(keepends=True)) if line.endswith("\n")]
    return {line.strip() for line in complete}


def _assert_sound(path: Path) -> None:
    connection = open_database(path)
    assert [tuple(row) for row in connection.execute("PRAGMA integrity_check")] == [("ok",)]
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    (bodies,) = connection.execute("SELECT count(*) FROM bodies").fetchone()
    (completions,) = connection.execute("SELECT count(*) FROM completions").fetchone()
    (counted,) = connection.execute(
        "SELECT sum(calls) FROM (SELECT calls FROM rollups WHERE dimension = 'none' AND width = 0"
        " UNION ALL SELECT calls FROM rollup_deltas WHERE dimension = 'none')"
    ).fetchone()
    assert bodies == completions == counted
    connection.close()
