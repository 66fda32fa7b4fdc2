"""Draws the screenshots of the documentation: ``python -m docs.screenshots``, from the repository's root.

The calls are real: the program in ``docs/shop`` makes them with the OpenAI SDK, against the simulated model
of ``docs/simulated_shop_model.py``, and log10_trace records them. Then each record is delivered many times,
with other ids and times, so that the page shows a week of a small shop. Needs the extra ``dev`` and Chromium.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import httpx
import openai

import log10_trace
from docs import simulated_shop_model as model
from docs.shop import assistant, reports, triage
from log10_trace.client import Log10
from log10_trace.domain.times import rfc3339
from log10_trace.local_server import LocalServer
from log10_trace.testing import capture
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.page_client import sign_in

HERE: Final = Path(__file__).resolve().parent
IMAGES: Final = HERE / "images"
WIDTH, HEIGHT = 1280, 860
HEIGHTS: Final = {"compare": 1_290}
"""Of pages that are worth a longer look."""
SHOWN_AS: Final = "/srv/shop"
"""Where the program seems to be installed."""
DAY_MS: Final = 86_400_000
BATCH: Final = 200
SECONDS: Final = {"gpt-4o": 1.6, "gpt-4o-mini": 0.9, "gpt-4.1": 2.6, "gpt-4.1-mini": 0.8, "o3-mini": 11.0}
"""What a call takes at the median, by model."""

Record = dict[str, Any]


class Scene(NamedTuple):
    """Records of one conversation or one task, in order, and how often a day the like of them happens."""

    name: str
    records: list[Record]
    daily: float


def record_scenes(url: str) -> list[Scene]:
    """Run the shop's program, and give what was recorded of it."""
    client = openai.OpenAI(base_url=url, api_key="sk-simulated", max_retries=0)
    scenes = []

    def record(name: str, daily: float, run: Callable[[], object]) -> None:
        labels = log10_trace.tags(name, "production")
        with capture() as completions, log10_trace.session(), labels, suppress(openai.OpenAIError):
            run()
        scenes.append(Scene(name, [json.loads(each.to_json()) for each in completions], daily))

    for turns in model.CONVERSATIONS:
        record("assistant", 5.0, partial(_talk, client, turns, "gpt-4o"))
    record("assistant-next", 1.0, partial(_talk, client, model.CONVERSATIONS[0], "gpt-4.1-mini"))
    for mail in model.MAILS:
        record("triage", 11.0, partial(triage.classify, client, mail))
    record("reports", 2.0, partial(reports.write_weekly_report, client, model.NOTES))
    record("products", 5.0, partial(reports.describe_product, client, model.PRODUCT))
    busy, broken = client.with_options(api_key=model.BUSY), client.with_options(api_key=model.BROKEN)
    slow = client.with_options(api_key=model.SLOW, timeout=0.3)
    too_long = client.with_options(api_key=model.TOO_LONG)
    for mail in model.MAILS:
        record("triage", 0.15, partial(triage.classify, busy, mail))
    record("triage", 0.2, partial(triage.classify, slow, model.MAILS[2]))
    record("reports", 0.3, partial(reports.write_weekly_report, too_long, model.NOTES))
    record("products", 0.2, partial(reports.describe_product, broken, model.PRODUCT))
    return scenes


def _talk(client: openai.OpenAI, turns: Sequence[model.Turn], name: str) -> None:
    history: list[Any] = []
    for turn in turns:
        history.append({"role": "user", "content": turn.asked})
        history.append({"role": "assistant", "content": assistant.answer(client, history, name)})


def spread(scenes: list[Scene], now_ms: int, draw: random.Random) -> Iterator[Record]:
    """A week of calls: more by day than by night, more reports since Thursday, a bad hour last night."""
    for day in range(7):
        for scene in scenes:
            often = scene.daily * (5.0 if scene.name == "reports" and day < 3 else 1.0)  # noqa: PLR2004
            count = int(often) + (draw.random() < often % 1.0)
            for _ in range(count):
                yield from play(scene, now_ms - day * DAY_MS - _within_a_day(draw), draw)
    midnight_ms = now_ms // DAY_MS * DAY_MS
    for scene in scenes:
        reason = scene.records[-1].get("failure_kind")
        for _ in range({"RateLimitError": 3, "APITimeoutError": 5}.get(str(reason), 0)):
            yield from play(scene, midnight_ms + draw.randrange(2_400_000, 4_200_000), draw)


def _within_a_day(draw: random.Random) -> int:
    """How long ago, in milliseconds: two thirds of the calls in twelve of the hours."""
    hours = draw.uniform(0, 12) if draw.random() < 2 / 3 else draw.uniform(12, 24)
    return int(hours * DAY_MS / 24) + 60_000


def play(scene: Scene, began_ms: int, draw: random.Random) -> Iterator[Record]:
    """The records of a scene as if it began at this moment, with ids of their own."""
    session_id = id_at(began_ms, draw)
    for record in scene.records:
        took = SECONDS[record["request"]["model"]] * draw.lognormvariate(0.0, 0.35)
        moved = {
            **record,
            "id": id_at(began_ms, draw),
            "session_id": session_id,
            "created_at": rfc3339(began_ms),
            "duration": round(took, 3),
            "stacktrace": [move_frame(frame) for frame in record["stacktrace"] if is_of_shop(frame)],
            "base_url": "https://api.openai.com/v1/",
        }
        if record.get("time_to_first_token") is not None:
            moved["time_to_first_token"] = round(took * 0.55, 3)
        yield {name: value for name, value in moved.items() if name not in ("source", "sequence")}
        is_between = record.get("response") and "tool_calls" not in json.dumps(record["response"])
        began_ms += int(took * 1000) + (draw.randrange(15_000, 50_000) if is_between else 40)


def is_of_shop(frame: Record) -> bool:
    """Whether a frame of the stack is the shop's program, and not the script that runs it."""
    return Path(frame["file"]).is_relative_to(HERE / "shop")


def move_frame(frame: Record) -> Record:
    """A frame of the stack as if the program were installed."""
    return {**frame, "file": frame["file"].replace(str(HERE / "shop"), SHOWN_AS)}


def id_at(moment_ms: int, draw: random.Random) -> str:
    """A UUIDv7 of this moment."""
    high = moment_ms << 16 | 0x7000 | draw.getrandbits(12)
    return str(UUID(int=high << 64 | 0x2 << 62 | draw.getrandbits(62)))


def deliver(server: LocalServer, records: list[Record]) -> None:
    """Send the records to the server."""
    headers = {"X-Log10-Token": server.token, "Content-Type": "application/x-ndjson"}
    for start in range(0, len(records), BATCH):
        lines = "\n".join(json.dumps(record) for record in records[start : start + BATCH])
        url = f"{server.url}/api/v1/completions/batch"
        httpx.post(url, content=lines.encode(), headers=headers, timeout=60).raise_for_status()


def start_calls(scenes: list[Scene], now_ms: int, draw: random.Random) -> Iterator[Record]:
    """Two calls that are running now."""
    for name, ago_ms in (("reports", 9_000), ("assistant", 2_000)):
        scene = next(scene for scene in scenes if scene.name == name)
        record = next(play(scene, now_ms - ago_ms, draw))
        ends = ("response", "duration", "time_to_first_token", "request_id", "retries", "interrupted")
        yield {**{key: value for key, value in record.items() if key not in ends}, "status": "started"}


def grade_some(server: LocalServer, records: list[Record]) -> str:
    """Make a task, and grade some of the assistant's answers; the task's id."""
    schema = {
        "type": "object",
        "properties": {
            "helpful": {"type": "boolean", "title": "Does it help the customer?"},
            "tone": {"enum": ["friendly", "neutral", "cold"], "title": "Tone"},
            "score": {"type": "integer", "minimum": 1, "maximum": 5, "title": "Overall"},
            "notes": {"type": "string", "title": "What would be better?"},
        },
        "required": ["helpful", "tone", "score"],
    }
    answers = [record for record in records if record["tags"][0] == "assistant" and record.get("response")]
    with Log10(server.token, server.url) as client:
        created = client.feedback_tasks.create(
            {
                "name": "Answers of the assistant",
                "instruction": "Would you have sent this answer to the customer?",
                "json_schema": schema,
                "completion_tags_selector": ["assistant"],
            }
        )
        task = created.task
        assert task is not None  # noqa: S101 -- the server has made it
        for number, record in enumerate(answers[::2]):
            values = {"helpful": number % 7 != 0, "tone": "friendly" if number % 5 else "neutral"}
            body = {
                "task_id": task.id,
                "completion_ids": [record["id"]],
                "json_values": {**values, "score": 5 - number % 3},
            }
            client.feedback.upload(body)
    return str(task.id)


def draw_all(
    tab: chromium.Tab, server: LocalServer, scenes: list[Scene], records: list[Record], draw: random.Random
) -> None:
    """Draw every page that the documentation shows."""
    task = grade_some(server, records)
    newest = sorted(records, key=lambda record: str(record["created_at"]), reverse=True)

    def find(matches: Callable[[Record], bool]) -> Record:
        return next(record for record in newest if matches(record))

    tool = find(lambda record: record["tags"][0] == "assistant" and has_tool_result(record))
    failed = find(lambda record: record.get("failure_kind") == "RateLimitError")
    asked = model.CONVERSATIONS[0][0].asked
    old = find(lambda record: record["tags"][0] == "assistant" and is_last_answer(record, asked))
    new = find(lambda record: record["tags"][0] == "assistant-next" and is_last_answer(record, asked))
    views = {
        "calls": ("/?since=7d", "light"),
        "failures": ("/?status=failed&since=24h", "light"),
        "call": (f"/completions/{tool['id']}", "light"),
        "failed-call": (f"/completions/{failed['id']}", "dark"),
        "session": (f"/sessions/{tool['session_id']}", "light"),
        "compare": (f"/compare?a={old['id']}&b={new['id']}", "light"),
        "overview": ("/overview", "light"),
        "grade": (f"/grade/{task}", "dark"),
    }
    tab = sign_in(tab, server)
    tab.call("Emulation.setScrollbarsHidden", hidden=True)
    IMAGES.mkdir(exist_ok=True)
    for name, (path, scheme) in views.items():
        if name == "calls":
            deliver(server, list(start_calls(scenes, int(time.time() * 1000), draw)))
        tab.resize(WIDTH, HEIGHTS.get(name, HEIGHT))
        tab.prefer(scheme)
        tab.open(server.url + path)
        tab.ask("document.fonts.ready.then(() => 1)")
        tab.draw(IMAGES / f"{name}.png")


def has_tool_result(record: Record) -> bool:
    """Whether a tool's result was sent, and the model answered."""
    return bool(record["request"]["messages"][-1]["role"] == "tool")


def is_last_answer(record: Record, asked: str) -> bool:
    """Whether a call has the final answer to this question."""
    users = [message for message in record["request"]["messages"] if message["role"] == "user"]
    return has_tool_result(record) and bool(users[-1]["content"] == asked)


def main() -> None:
    """Record, deliver, draw."""
    draw = random.Random(7)  # noqa: S311 -- nothing is secret here
    with model.serve() as url:
        scenes = record_scenes(url)
    records = list(spread(scenes, int(time.time() * 1000), draw))
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.server(Path(folder) / "home") as server,
        chromium.tab() as tab,
    ):
        deliver(server, records)
        draw_all(tab, server, scenes, records, draw)


if __name__ == "__main__":
    main()
