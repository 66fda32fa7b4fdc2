"""What reading takes on a filled database: lists, searches, statistics, over HTTP. Prints a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import quote

import httpx

from benchmarks.records import Maker

_REPEATS = 15
_PAGE, _COUNTS = "/api/v1/completions", "/api/v1/statistics"
_FILTERS = {
    "page": "",
    "by a common tag": "tag=production",
    "by a rare tag": "tag=customer-7",
    "by any of three tags": "tag=customer-7&tag=customer-8&tag=feature-3",
    "by all of two tags": "tag=feature-3&tag=customer-7&tag_match=all",
    "all of two tags, nothing": "tag=feature-3&tag=feature-3x&tag_match=all",
    "none of a rare tag": "tag=customer-7&tag_match=none",
    "none of a common tag, nothing": "tag=production&tag_match=none",
    "by model": "model=o3-mini",
    "failed": "status=failed",
    "running, nothing": "status=started",
    "by kind, nothing": "kind=prompt",
    "nothing so slow": "min_duration=100000",
    "nothing so quick": "max_duration=0.0001",
    "nothing so long": "min_tokens=100000",
    "nothing so slow with a tag": "tag=production&min_duration=100000",
    "nothing so slow of a model": "model=gpt-4o&min_duration=100000",
    "by file": "file=/srv/app/feature_3.py",
    "by function": "function=ask",
    "by function, nothing": "function=nowhere",
    "by failure kind": "failure_kind=APITimeoutError",
}
_GROUPS = ("none", "model", "tag", "call_site", "session")
_INTERVALS = ("minute", "hour", "day")


def measure_reads(client: httpx.Client, maker: Maker) -> None:
    """Print what each kind of question takes; ``maker`` made the records."""
    newest = client.get(f"{_PAGE}?limit=1").json()["completions"][0]["created_at"]
    for name, path in _questions(maker, datetime.fromisoformat(newest)):
        times = [_milliseconds(client, path) for _ in range(_REPEATS)]
        print(f"{name:46} median {statistics.median(times):7.1f} ms   first {times[0]:7.1f} ms")


def _questions(maker: Maker, newest: datetime) -> Iterator[tuple[str, str]]:
    """What is asked for, by name; spans of time end with the newest record, whenever that was."""

    def ago(hours: int) -> str:
        return quote((newest - timedelta(hours=hours, minutes=17)).isoformat())

    for name, conditions in _FILTERS.items():
        yield f"list, {name}", f"{_PAGE}?{conditions}"
    yield "list, a day in between", f"{_PAGE}?since={ago(100)}&until={ago(76)}&model=gpt-4o"
    for name, words in _searches(maker).items():
        yield f"search, {name}", f"{_PAGE}?q={words}"
    spans = {
        "all time": "",
        "30 days": f"&since={ago(719)}",
        "a week": f"&since={ago(168)}",
        "12 days in between": f"&since={ago(400)}&until={ago(100)}",
    }
    for group in _GROUPS:
        for interval in _INTERVALS:
            for name, span in spans.items():
                yield (
                    f"statistics, {group} by {interval}, {name}",
                    f"{_COUNTS}?group_by={group}&interval={interval}{span}",
                )
    yield "sessions", "/api/v1/sessions"
    yield "the page", "/"


def _searches(maker: Maker) -> dict[str, str]:
    common, other, middling, rare = (maker.word(rank) for rank in (0, 1, 500, -1))
    return {
        "a common word": common,
        "two common words": f"{common}+{other}",
        "a middling word": middling,
        "a rare word": rare,
        "a phrase": f"%22{common}+{maker.word(5)}%22",
        "a common word and a tag": f"{common}&tag=feature-3",
        "a common word and a rare tag": f"{common}&tag=customer-7",
        "nothing": "zzzzqqqq",
    }


def _milliseconds(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    elapsed = (time.perf_counter() - began) * 1000
    answer.raise_for_status()
    return elapsed
