"""The pages in a real browser: nothing complains, nothing leaves, everything can be read and reached."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace.local_server import LocalServer
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.page_client import chat_response, completion, post, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}"),
]

CALL = "01890000-0000-7000-8000-000000000001"
ELSEWHERE = "https://elsewhere.example/picture.png"
HOSTILE = f'<script>document.title="stolen"</script><img src="{ELSEWHERE}" onerror="document.title=1">'


def records() -> list[dict[str, Any]]:
    """Calls of each condition, one of them hostile."""
    parts = [{"type": "text", "text": HOSTILE}, {"type": "image_url", "image_url": {"url": ELSEWHERE}}]
    request = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": parts}]}
    stack = [{"file": "/srv/app.py", "line": "client.create()", "lineno": 4, "name": "ask"}]
    return [
        completion(
            id=CALL,
            request=request,
            response=chat_response(HOSTILE),
            stacktrace=stack,
            tags=["red"],
            session_id="s",
        ),
        completion(
            status="failed",
            response=None,
            failure_kind="RateLimitError",
            failure_reason="slow",
            session_id="s",
        ),
        completion(status="started", response=None, duration=None, session_id="s"),
        *(completion(session_id="t", interrupted=True) for _ in range(3)),
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's LOG10_HOME."""
    return tmp_path_factory.mktemp("pages") / "log10"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[LocalServer]:
    """The real server in a process of its own, with records to show."""
    with processes.server(home) as running:
        post(running, *records())
        yield running


@pytest.fixture
def browser(server: LocalServer, window: chromium.Tab) -> chromium.Tab:
    """The browser of somebody who just signed in."""
    return sign_in(window, server)


PATHS = (
    "/",
    f"/completions/{CALL}",
    f"/completions/{CALL}?show=all",
    "/sessions",
    "/sessions/s",
    "/?since=never",
    "/none",
)


def test_no_page_complains_or_asks_another_server_for_anything(
    server: LocalServer, browser: chromium.Tab
) -> None:
    """No console error, no broken policy, no request to another origin, and no record's script ever runs."""
    for path in PATHS:
        browser.open(server.url + path)
        assert "stolen" not in browser.ask("document.title")

    expected = [said for said in browser.complaints if "status of 422" in said or "status of 404" in said]
    assert browser.complaints == expected
    assert [
        each for each in browser.addresses if not each.startswith((f"{server.url}/", "data:image/"))
    ] == []


@pytest.mark.parametrize("width", [1280, 320])
def test_nothing_runs_out_of_the_window(server: LocalServer, browser: chromium.Tab, width: int) -> None:
    """At the width of a desk and of a phone, no page has to be moved sideways."""
    browser.resize(width)

    for path in PATHS:
        browser.open(server.url + path)
        assert browser.ask("document.documentElement.scrollWidth") <= width, path


CONTRAST = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => rgb.map(linear).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .unseen, .skip")) continue;
    const grounds = [];
    for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
    const ground = light(over(grounds));
    const ink = light(over([...grounds, getComputedStyle(element).color]));
    const ratio = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
    if (ratio < 4.5) faint.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)];
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    server: LocalServer, browser: chromium.Tab, scheme: str
) -> None:
    """Contrast is at least 4.5 to 1 (WCAG AA), by day and by night."""
    browser.prefer(scheme)

    for path in PATHS:
        browser.open(server.url + path)
        assert browser.ask(CONTRAST) == [], path


def test_the_keyboard_reaches_everything(server: LocalServer, browser: chromium.Tab) -> None:
    """A slash goes to the search, j and k go through the calls, Enter opens one."""
    browser.open(server.url)
    browser.press("/")
    assert browser.ask("document.activeElement.name") == "q"
    browser.ask("document.activeElement.blur()")
    for key in "jjk":
        browser.press(key)
    first = browser.ask("document.activeElement.pathname")
    browser.press("Enter")
    browser.wait_for_load()

    assert first.startswith("/completions/")
    assert browser.ask("location.pathname") == first


def test_the_keys_are_listed_and_lead_to_places(server: LocalServer, browser: chromium.Tab) -> None:
    """A question mark opens the list, and closes it where the reader was; g and s open the sessions."""
    shown = "document.getElementById('keys').open"
    browser.open(server.url)
    browser.press("j")
    browser.press("?")
    assert browser.ask(shown)
    assert "search" in browser.ask("document.getElementById('keys').innerText")
    browser.press("j")
    assert browser.ask("document.activeElement.textContent") == "Close"
    browser.press("?")
    assert not browser.ask(shown)
    assert browser.ask("document.activeElement.className") == "whole"
    browser.ask("document.getElementById('show-keys').click()")
    assert browser.ask(shown)
    browser.ask("document.querySelector('#keys button').click()")
    assert not browser.ask(shown)

    browser.press("g")
    browser.press("s")
    browser.wait_for_load()
    assert browser.ask("location.pathname") == "/sessions"


def test_everything_is_there_without_javascript(server: LocalServer, browser: chromium.Tab) -> None:
    """With scripts switched off, list, filters, folds and raw bodies are all on the page."""
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(f"{server.url}/?tag=red")
    rows = browser.call("DOM.getDocument", depth=-1)["root"]
    assert CALL in json.dumps(rows)

    browser.open(f"{server.url}/completions/{CALL}")
    page = json.dumps(browser.call("DOM.getDocument", depth=-1)["root"])
    assert "raw-request" in page
    assert "client.create()" in page


def test_a_call_appears_and_ends_before_ones_eyes(server: LocalServer, browser: chromium.Tab) -> None:
    """The first page shows new calls by itself, and a running call's page its end."""
    running = completion(status="started", response=None, duration=None, tags=["live"])
    browser.open(f"{server.url}/?tag=live")
    post(server, running)
    processes.until(
        lambda: browser.ask("document.querySelectorAll('table.calls tbody tr').length") == 1, "it appears"
    )

    browser.open(f"{server.url}/completions/{running['id']}")
    post(server, {**running, "status": "finished", "response": chat_response("At last."), "duration": 9.0})
    processes.until(lambda: browser.ask("document.body.innerText.includes('At last.')"), "it ends")


def test_leaving_closes_the_door(server: LocalServer, browser: chromium.Tab) -> None:
    """Signed out, every page asks for a key again."""
    browser.open(server.url)
    browser.ask("document.querySelector('.leave button').click()")
    browser.wait_for_load()
    browser.open(f"{server.url}/sessions")

    assert browser.ask("location.pathname") == "/login"


def test_the_address_that_the_server_prints_signs_in_once(
    server: LocalServer, browser: chromium.Tab, home: Path
) -> None:
    """It opens the page without a key; a second time it opens nothing."""
    said = (home.parent / f"{home.name}-serve.log").read_text(encoding="utf-8")
    address = re.search(rf"{server.url}/login\?code=\S+", said)
    assert address
    browser.renew()

    browser.open(address[0])
    assert browser.ask("location.pathname") == "/"
    browser.renew()
    browser.open(address[0])

    assert browser.ask("document.querySelector('[role=alert]').innerText").startswith("That address was used")
