"""What people ask at night, each answered in a real browser within two clicks from the first page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import httpx
import pytest

from log10_trace.local_server import LocalServer
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.page_client import chat_response, completion, post, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}"),
]

MOST_CLICKS: Final = 2
TWENTY: Final = 20
FIND: Final = """(() => {
  const named = (element) => (element.innerText || element.value || "").trim();
  const found = [...document.querySelectorAll("a[href], button")]
    .find((element) => element.checkVisibility() && named(element).startsWith(TEXT));
  found.scrollIntoView({ block: "center" });
  const box = found.getClientRects()[0];
  return [box.x + box.width / 2, box.y + box.height / 2];
})()"""
"""Where the middle of the link or button is that begins with a text, as one sees it."""


class Reader:
    """Somebody at the pages, whose clicks are counted; ``seen`` is the text of the page."""

    def __init__(self, tab: chromium.Tab, url: str) -> None:
        self.clicks = 0
        self._tab = tab
        tab.open(url)

    @property
    def seen(self) -> str:
        """The text of the page."""
        return str(self._tab.ask("document.querySelector('main').innerText"))

    def follow(self, text: str) -> None:
        """Click the first link or button that begins with a text, and wait for the page that it leads to."""
        self._click(self._tab.ask(FIND.replace("TEXT", json.dumps(text))))
        self._tab.wait_for_load()

    def tick(self, call_id: str) -> None:
        """Click the box beside a call."""
        box = f"document.querySelector('input[value=\"{call_id}\"]')"
        middle = "(({ x, y, width, height }) => [x + width / 2, y + height / 2])"
        shown = f"{box}.scrollIntoView({{ block: 'center' }})"
        self._click(self._tab.ask(f"{shown}, {middle}({box}.getClientRects()[0])"))

    def press(self, *keys: str) -> None:
        """Press keys, which lead to another page."""
        for key in keys:
            self._tab.press(key)
        self._tab.wait_for_load()

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self._tab.ask(expression)

    def _click(self, place: list[float]) -> None:
        self.clicks += 1
        for kind in ("mousePressed", "mouseReleased"):
            self._tab.call(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )


def ago(**span: float) -> str:
    """A moment so long ago."""
    return (datetime.now(timezone.utc) - timedelta(**span)).isoformat()


def stack(file: str, line: int, function: str) -> list[dict[str, Any]]:
    """The stack of a call made there."""
    return [{"file": f"/srv/shop/{file}", "line": "client.create(", "lineno": line, "name": function}]


def asked(*turns: str, model: str = "gpt-4o") -> dict[str, Any]:
    """A request with these turns, the user's first."""
    roles = ("user", "assistant")
    messages = [{"role": roles[number % 2], "content": text} for number, text in enumerate(turns)]
    return {"model": model, "messages": messages}


COSTLY_SINCE = ago(days=2)
BEFORE, AFTER = (f"0189000{number}-0000-7000-8000-000000000011" for number in (1, 2))


def a_day_of_calls() -> Iterator[dict[str, Any]]:
    """What the questions are about."""
    failed: dict[str, Any] = {"status": "failed", "response": None, "tags": []}
    limit = {"failure_kind": "RateLimitError", "failure_reason": "Limit 200000, used 199613."}
    late = {"failure_kind": "APITimeoutError", "failure_reason": "Request timed out."}
    yield completion(**failed, **limit, created_at=ago(hours=9), stacktrace=stack("mail.py", 41, "sort"))
    yield completion(**failed, **late, created_at=ago(hours=8), stacktrace=stack("report.py", 7, "write"))
    yield completion(**failed, **late, created_at=ago(days=6), stacktrace=stack("old.py", 1, "forgotten"))
    tent = "Which tent for Scotland?"
    yield completion(
        id=BEFORE, session_id="trip", created_at=ago(minutes=9), request=asked(tent),
        response=chat_response("Take the Larch 2 in summer."),
    )  # fmt: skip
    yield completion(
        id=AFTER, session_id="trip", created_at=ago(minutes=8),
        request=asked(tent, "Take the Larch 2 in summer.", "And in November?"),
        response=chat_response("Take the Larch 4S in winter. A heron may visit."),
    )  # fmt: skip
    yield completion(created_at=ago(minutes=7), request=asked("What is a heron?"))
    yield completion(
        status="started", response=None, duration=None, created_at=ago(seconds=90),
        request=asked("Write the weekly report."),
    )  # fmt: skip
    dear = {**chat_response("The week."), "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 1}}
    for when in (COSTLY_SINCE, ago(days=1)):
        yield completion(created_at=when, response=dear, stacktrace=stack("report.py", 7, "write"))
    for days in range(1, 6):
        yield completion(created_at=ago(days=days), stacktrace=stack("mail.py", 41, "sort"))
    for number in range(TWENTY + 2):
        yield completion(tags=["tone"], created_at=ago(hours=20), request=asked(f"Question {number}"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The real server in a process of its own, with the calls and a task to grade."""
    task = {
        "name": "Tone",
        "json_schema": {
            "type": "object",
            "properties": {"friendly": {"type": "boolean"}},
            "required": ["friendly"],
        },
        "completion_tags_selector": ["tone"],
    }
    with processes.server(tmp_path_factory.mktemp("questions") / "log10") as running:
        post(running, *a_day_of_calls())
        headers = {"X-Log10-Token": running.token}
        httpx.post(
            f"{running.url}/api/v1/feedback_task", json=task, headers=headers, timeout=120
        ).raise_for_status()
        yield running


@pytest.fixture(scope="module")
def signed_in(server: LocalServer, window: chromium.Tab) -> chromium.Tab:
    """The browser of somebody who has signed in."""
    return sign_in(window, server)


@pytest.fixture
def reader(server: LocalServer, signed_in: chromium.Tab) -> Iterator[Reader]:
    """Somebody at the first page, who has clicked no more than twice at the end of the test."""
    somebody = Reader(signed_in, server.url)
    yield somebody
    assert somebody.clicks <= MOST_CLICKS


def test_which_calls_failed_last_night_why_and_from_which_line(reader: Reader) -> None:
    """The span and the status lead to the failed calls, each with its failure and its line."""
    reader.follow("24 hours")
    reader.follow("failed")

    assert reader.ask("document.querySelectorAll('table.calls tbody tr').length") == 2
    for text in ("RateLimitError", "Limit 200000", "mail.py:41", "APITimeoutError", "report.py:7"):
        assert text in reader.seen
    assert "forgotten" not in reader.seen


def test_which_call_site_costs_most_this_week_and_since_when(reader: Reader) -> None:
    """The overview's first row, with a bar for each day that cost something."""
    reader.follow("Overview")

    row = "document.querySelector('#call_site tbody tr')"
    assert "report.py" in reader.ask(f"{row}.querySelector('th').innerText")
    assert "$" in reader.ask(f"{row}.innerText")
    first = reader.ask(f"{row}.querySelector('.trend title').textContent")
    day = datetime.fromisoformat(COSTLY_SINCE)
    assert first.startswith(f"{day:%b} {day.day}"), first


def test_what_changed_between_these_two_calls(reader: Reader) -> None:
    """Two calls are ticked and c is pressed: what differs is marked word by word."""
    reader.tick(BEFORE)
    reader.tick(AFTER)
    reader.press("c")

    words = reader.ask("[...document.querySelectorAll('ins')].map((word) => word.innerText).join(' ')")
    assert "winter" in words
    assert "And in November?" in reader.seen


def test_this_session_as_a_story(reader: Reader) -> None:
    """From a call to its session: each turn once, in order."""
    reader.follow("And in November?")
    reader.follow("Session trip")

    turns = (
        "Which tent for Scotland?",
        "Take the Larch 2 in summer.",
        "And in November?",
        "Take the Larch 4S",
    )
    told = reader.ask("[...document.querySelectorAll('.turn')].map((turn) => turn.innerText).join(' ')")
    places = [told.index(turn) for turn in turns]
    assert places == sorted(places)
    assert [told.count(turn) for turn in turns] == [1, 1, 1, 1]


def test_where_the_model_said_something(reader: Reader) -> None:
    """A search in the responses finds the answer, its words marked, and not the question."""
    reader.ask("document.querySelector('[name=q]').focus()")
    reader.press(*"in:response heron", "Enter")

    assert reader.ask("document.querySelectorAll('table.calls tbody tr').length") == 1
    assert "A heron may visit." in reader.seen
    assert reader.ask("document.querySelector('table.calls mark').innerText") == "heron"


def test_what_is_running_now_and_for_how_long(reader: Reader) -> None:
    """The running calls, each with a clock that goes on."""
    reader.follow("running")

    assert "Write the weekly report." in reader.seen
    clock = reader.ask("document.querySelector('td.time [data-began]').innerText")
    assert re.match(r"[1-9]\d* min", clock)  # begun ninety seconds before the first of these tests


def test_grade_the_next_twenty(reader: Reader) -> None:
    """To grade and one button; from there on it goes by the keyboard, a digit and Enter for each call."""
    reader.follow("To grade")
    reader.follow("Grade")
    for _ in range(TWENTY):
        assert "Question" in reader.seen
        reader.press("1", "Enter")
    reader.press("g", "g")

    assert f"{TWENTY} graded of {TWENTY + 2}" in reader.seen
