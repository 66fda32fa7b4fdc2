"""Calls and deliveries for the tests of ``export``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from log10_trace.config import Config, resolve
from log10_trace.export import Delivery
from log10_trace.record.call import Call


def call(text: str = "hello", *, begun_s_ago: float = 0.0) -> Call:
    """A chat completion that has ended well."""
    made = begun(text, begun_s_ago=begun_s_ago)
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    made.chunks = [json.dumps({**answer, "choices": [choice]}).encode()]
    made.status, made.status_code, made.content_type = "finished", 200, "application/json"
    made.duration_ns = 1_000_000
    return made


def begun(text: str = "hello", *, begun_s_ago: float = 0.0) -> Call:
    """A chat completion that has begun, so many seconds ago."""
    ago = int(begun_s_ago * 1e9)
    made = Call("/chat/completions", created_ns=time.time_ns() - ago, started_ns=time.perf_counter_ns() - ago)
    made.request = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    return made


def config(url: str | None = None, **settings: Any) -> Config:
    """Settings that deliver quickly."""
    return resolve({"url": url, "flush_interval": 0.02, "timeout": 5.0, **settings})


@contextmanager
def delivery(url: str | None = None, **settings: Any) -> Iterator[Delivery]:
    """A delivery that is closed at the end of the block."""
    made = Delivery(config(url, **settings))
    try:
        yield made
    finally:
        made.close(5.0)


def keep(made: Delivery, count: int, text: str = "hello") -> list[str]:
    """Let so many calls end; their ids in order.

    Their beginning is not told: on a slow machine it would become a record of its own now and then.
    """
    calls = [call(text) for _ in range(count)]
    for each in calls:
        made.sink.on_end(each)
    return [each.id for each in calls]


def segments(spool: Path) -> list[Path]:
    """The segment files in a spool, oldest first."""
    return sorted(spool.glob("*/*.seg"))


def settled(made: Delivery) -> bool:
    """Whether the books balance."""
    stats = made.stats()
    away = stats.delivered + stats.dead_letters + sum(stats.dropped.values())
    return stats.captured == away + stats.pending and stats.pending >= 0
