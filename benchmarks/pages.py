"""How fast the pages are among a million records: every view, and a live event. Prints a table.

    python -m benchmarks.pages                       # a million records take some minutes to make
    python -m benchmarks.pages --keep ~/million      # which are there already the next time
    python -m benchmarks.pages --postgres            # on a PostgreSQL of the benchmark's own
    python -m benchmarks.pages --postgres --keep ~/million-postgres
    python -m benchmarks.pages --database FILE       # on a database that is filled

Of each view: the time from the request to the last byte of the page, read by one browser at a time, and the
processor time of the server and of PostgreSQL, which tells more where other programs run as well.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from benchmarks.kept_postgres import cluster_cpu_s, kept_database
from benchmarks.records import Maker
from benchmarks.seed_database import fill
from benchmarks.server import DURABLE, ORGANIZATION, serving
from tests.server.postgres_cluster import Cluster, fresh_database, running_cluster

API: Final = "/api/v1/completions"
LARGE_BYTES: Final = 20_000_000
MANY_MESSAGES, SOME_MESSAGES = 2_000, 500
LONG_SESSION: Final = 200
LARGE, MANY, OLD, NEW = (f"00000000-0000-7000-8000-00000000000{number}" for number in range(1, 5))
SESSION: Final = "00000000-0000-7000-8000-000000000009"
EVENTS: Final = 20


def large_calls() -> Iterator[dict[str, Any]]:
    """A prompt of 20 MB, 2,000 messages, two calls of 500 messages, and a session of 200 calls."""
    began = datetime.now(timezone.utc) - timedelta(minutes=5)
    yield _call(LARGE, [_message(0, "heron " * (LARGE_BYTES // 6))], began)
    yield _call(MANY, [_message(number) for number in range(MANY_MESSAGES)], began)
    yield _call(OLD, [_message(number) for number in range(SOME_MESSAGES)], began)
    yield _call(NEW, [_message(number, f"turn {number // 7 * 7}") for number in range(SOME_MESSAGES)], began)
    for number in range(LONG_SESSION):
        call_id = f"00000000-0000-7000-8000-0000000{number + 10_000:05d}"
        messages = [_message(turn) for turn in range(2 * number + 1)]
        yield _call(call_id, messages, began + timedelta(seconds=number), session_id=SESSION)


def _message(number: int, text: str = "") -> dict[str, str]:
    return {"role": ("user", "assistant")[number % 2], "content": text or f"turn {number}, and some words"}


def _call(call_id: str, messages: list[Any], began: datetime, **fields: Any) -> dict[str, Any]:
    answer = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Done."}}
    return {
        "id": call_id,
        "kind": "chat",
        "status": "finished",
        "created_at": began.isoformat(),
        "duration": 1.0,
        "request": {"model": "gpt-4o", "messages": messages},
        "response": {"model": "gpt-4o", "choices": [answer]},
        **fields,
    }


def views(client: httpx.Client, maker: Maker) -> Iterator[tuple[str, str]]:
    """Every view by name, with its address."""
    newest = client.get(f"{API}?limit=2&tag=production").json()["completions"]
    call, other = newest[0]["id"], newest[1]["id"]
    end = datetime.fromisoformat(newest[0]["created_at"])

    def ago(hours: int) -> str:
        return quote((end - timedelta(hours=hours, minutes=17)).isoformat())

    yield "calls", "/"
    yield "calls, last day", f"/?since={ago(24)}"
    yield "calls, failed last night", f"/?status=failed&since={ago(12)}"
    yield "calls, 30 days", f"/?since={ago(719)}"
    yield "calls, by a common tag", "/?tag=production"
    yield "calls, by a rare tag", "/?tag=customer-7"
    yield "calls, none of a tag", "/?tag=production&tag_match=none"
    yield "calls, a common word", f"/?q={maker.word(0)}"
    yield "calls, a middling word", f"/?q={maker.word(500)}"
    yield "calls, a rare word", f"/?q={maker.word(-1)}"
    yield "calls, of a function", "/?function=ask"
    yield "call", f"/completions/{call}"
    yield "call, of a filtered list", f"/completions/{call}?tag=production"
    yield "call, 20 MB prompt", f"/completions/{LARGE}"
    yield f"call, {MANY_MESSAGES} messages", f"/completions/{MANY}"
    yield "sessions", "/sessions"
    yield "session", f"/sessions/{newest[0]['session_id']}"
    yield f"session, {LONG_SESSION} calls", f"/sessions/{SESSION}"
    yield "compare", f"/compare?a={call}&b={other}"
    yield f"compare, {SOME_MESSAGES} messages", f"/compare?a={OLD}&b={NEW}"
    for name, span in {
        "all": "",
        "last day": f"?since={ago(24)}",
        "a week": f"?since={ago(168)}",
        "30 days": f"?since={ago(719)}",
        "a week, by call site": f"?since={ago(168)}&by=call_site",
    }.items():
        yield f"overview, {name}", f"/overview{span}"
    yield "to grade", "/grade"
    yield "to grade, a task", f"/grade/{_task(client)}"
    yield "settings", "/settings"


def _task(client: httpx.Client) -> str:
    """A task to grade a fortieth of the calls."""
    tasks = client.get("/api/v1/feedback_task").json()
    for task in tasks if isinstance(tasks, list) else tasks["tasks"]:
        return str(task["id"])
    body = {
        "name": "Answers",
        "instruction": "Is it right?",
        "json_schema": {"type": "object", "properties": {"right": {"type": "boolean"}}},
        "completion_tags_selector": ["feature-3"],
    }
    return str(client.post("/api/v1/feedback_task", json=body).raise_for_status().json()["id"])


def measure(
    client: httpx.Client, read_cpu_s: Sequence[Callable[[], float]], name: str, path: str, repeats: int
) -> None:
    """Print the median and the 99th percentile of a view, and what it takes of the processor."""
    times, size = [], 0
    client.get(path, headers={"Accept": "text/html"})  # reads what is not in memory yet
    used = [read() for read in read_cpu_s]
    for _ in range(repeats):
        began = time.perf_counter()
        answer = client.get(path, headers={"Accept": "text/html"})
        times.append((time.perf_counter() - began) * 1000)
        size = len(answer.content)
        if answer.status_code != httpx.codes.OK:
            print(f"{name:30} HTTP {answer.status_code}")
            return
    used = [(read() - before) * 1000 / repeats for read, before in zip(read_cpu_s, used, strict=True)]
    p99 = sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]
    figures = (statistics.median(times), p99, *used)
    print(f"{name:30} {' '.join(f'{figure:8.1f}' for figure in figures)} {size / 1000:8.0f}", flush=True)


def measure_events(client: httpx.Client) -> None:
    """Print the time from the answer to a write, which is its commit, to the event on an open stream."""
    times = []
    with client.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        for number in range(EVENTS):
            call_id = f"00000000-0000-7000-8000-0000001{number:05d}"
            record = _call(call_id, [_message(0)], datetime.now(timezone.utc), metadata={"turn": time.time()})
            client.post(API, json=record).raise_for_status()
            began = time.perf_counter()
            while call_id not in next(lines):
                pass
            times.append((time.perf_counter() - began) * 1000)
            client.delete(f"{API}/{call_id}").raise_for_status()
    print(f"{'event after its commit':30} {statistics.median(times):8.1f} {max(times):8.1f}")


def run(folder: Path, database: str, cluster: Cluster | None, count: int, repeats: int) -> None:
    """Print the table of ``database``, in ``cluster`` if any, which is filled first if it has to be."""
    maker = Maker(count)
    fill(database, maker, count, ORGANIZATION)
    with serving(folder, database) as server:
        headers = {"X-Log10-Token": server.local.token}
        with httpx.Client(base_url=server.local.url, headers=headers, timeout=300) as client:
            for record in large_calls():
                client.post(API, json=record).raise_for_status()
            read_cpu_s: list[Callable[[], float]] = [server.cpu_s]
            if cluster:
                read_cpu_s.append(partial(cluster_cpu_s, cluster))
            titles = ("median", "p99", "CPU", *(["of DB"] if cluster else []), "KB")
            print(f"{'view':30} {' '.join(f'{title:>8}' for title in titles)}   times in ms")
            for name, path in views(client, maker):
                measure(client, read_cpu_s, name, path, repeats)
            measure_events(client)
        print(f"memory after the views    {server.memory_mb():8.0f} MB")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="how many to read among")
    parser.add_argument("--repeats", type=int, default=50, help="how often each view is read")
    parser.add_argument("--database", help="a filled database, or an empty one to be filled")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the filled database there")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, not on SQLite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        database, cluster = asked.database or str(folder / "pages.db"), None
        if asked.postgres and asked.keep:
            cluster, database = stack.enter_context(kept_database(asked.keep, asked.records))
        elif asked.postgres and not asked.database:
            cluster = stack.enter_context(running_cluster(DURABLE))
            database = stack.enter_context(fresh_database(cluster.url))
        elif asked.keep:
            database = str(asked.keep / f"{asked.records}.db")
        run(folder, database, cluster, asked.records, asked.repeats)


if __name__ == "__main__":
    main()
