"""Nothing is lost: what a call has left when it returned survives whatever ends the process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace.local_server import LocalServer
from tests.processes import DEADLINE_S, program, server, until
from tests.rounds import rounds

pytestmark = pytest.mark.promises

ROUNDS = rounds(40, thorough=100)

NURSERY = """
import json, os, random, signal, sys
from tests.export.factories import call, config
from log10_trace.export import Delivery

made = Delivery(config())
random.seed(4680)
returned = []
for round in range({rounds}):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        while True:
            one = call("x" * random.randrange(4000))
            made.sink.on_start(one)
            made.sink.on_end(one)
            os.write(writing, one.id.encode() + b"\\n")
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        seen = [lines.readline() for _ in range(random.randrange(1, 60))]
        os.kill(child, signal.SIGKILL)
        seen += lines.readlines()
    os.waitpid(child, 0)
    returned += [line.decode().strip() for line in seen if line.endswith(b"\\n")]
print(json.dumps(returned))
"""


ADOPTER = """
import sys
from tests.export.factories import config
from log10_trace.export import Delivery

made = Delivery(config())
made.recover()
print(made.flush(60), made.stats())
"""


def stored(api: LocalServer) -> list[dict[str, Any]]:
    """Every row that the server has, whole."""
    headers = {"X-Log10-Token": api.token}
    answer = httpx.get(
        f"{api.url}/api/v1/completions?format=jsonl&view=full", headers=headers, timeout=DEADLINE_S
    )
    return [json.loads(line) for line in answer.raise_for_status().text.splitlines()]


def test_kill_9_many_times(private_home: Path) -> None:
    """Of every call that had returned when its process was killed, none is lost and none is there twice."""
    dead = program(private_home, NURSERY.format(rounds=ROUNDS))
    returned = json.loads(dead.stdout or "[]")
    assert len(returned) > 10 * ROUNDS, dead.stderr

    with server(private_home) as api:
        program(private_home, ADOPTER)
        # The server adopts as well: what it took in hand may still be on its way.
        until(lambda: set(returned) <= {row["id"] for row in stored(api)}, "every record has arrived")
        rows = stored(api)

    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert set(returned) <= set(ids)
    # On a busy machine a call takes so long that it is shown as started; killed then, it has no sequence.
    unended = {row["id"] for row in rows if "sequence" not in row}
    assert not unended & set(returned)
    by_source: dict[str, list[int]] = {}
    for row in rows:
        if row["id"] not in unended:
            by_source.setdefault(row["source"], []).append(row["sequence"])
    assert len(by_source) == ROUNDS
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in by_source.values())
