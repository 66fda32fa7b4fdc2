"""Pages while calls come in, in a real browser: what appears, what waits, what is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from log10_trace.local_server import LocalServer
from tests import processes
from tests.processes import DEADLINE_S
from tests.server.pages import chromium
from tests.server.pages.page_client import chat_response, completion, post, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}"),
]

HOSTILE = "<img src=x onerror=document.title='stolen'>"
HIDE = """
Object.defineProperty(document, "hidden", { value: %s, configurable: true });
document.dispatchEvent(new Event("visibilitychange"));
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The real server in a process of its own."""
    with processes.server(tmp_path_factory.mktemp("live") / "log10") as running:
        yield running


def running_call(**fields: Any) -> dict[str, Any]:
    """A call that waits for its answer."""
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"Who? {HOSTILE}"}]}
    return completion(status="started", response=None, duration=None, request=asked, **fields)


def wait_for(window: chromium.Tab, expression: str, what: str) -> None:
    """Wait until a JavaScript expression is true."""
    processes.until(lambda: window.ask(expression), what)


def open_live(window: chromium.Tab, server: LocalServer, path: str) -> None:
    """Open a page, and wait until events come."""
    window.open(server.url + path)
    wait_for(window, "document.documentElement.dataset.live === 'live'", "events come")


def row(call: dict[str, Any]) -> str:
    """The row of a call, as JavaScript."""
    return f"document.querySelector('tr[data-id=\"{call['id']}\"]')"


def test_calls_appear_and_end_while_one_looks_on(server: LocalServer, window: chromium.Tab) -> None:
    """A row comes with a clock and ends in place; scrolled or hidden the list stays, and says what waits.

    The second call began before one that is shown, and comes later.
    """
    sign_in(window, server)
    window.resize(1280, 500)
    post(server, *(completion(tags=["live"], created_at="2025-12-31T00:00:00Z") for _ in range(30)))
    first = running_call(tags=["live"])
    second = running_call(tags=["live"], created_at="2026-01-01T00:00:00Z")
    third = running_call(tags=["live"])
    open_live(window, server, "/?tag=live")

    post(server, first, completion())
    wait_for(window, f"{row(first)} !== null", "a new call appears")
    assert window.ask(f"{row(first)}.querySelector('[data-began]') !== null")
    window.ask(f"{row(first)}.querySelector('[name=id]').click()")
    post(server, {**first, "status": "finished", "response": chat_response("At last."), "duration": 9.0})
    wait_for(window, f"{row(first)}.innerText.includes('At last.')", "it ends where it stands")
    assert window.ask(f"{row(first)}.querySelector('[name=id]').checked")
    assert window.ask("document.querySelectorAll('#calls tbody tr').length") == 31

    window.ask("scrollTo(0, document.body.scrollHeight)")
    post(server, second)
    wait_for(
        window, "document.querySelector('.news').innerText === '1 new'", "a scrolled list says what waits"
    )
    assert window.ask(f"{row(second)} === null")
    window.press("n")
    wait_for(window, f"{row(second)} !== null && scrollY === 0", "the button shows it")

    window.ask(HIDE % "true")
    assert window.ask("document.documentElement.dataset.live") == "paused"
    post(server, third)
    headers = {"X-Log10-Token": server.token}
    httpx.delete(
        f"{server.url}/api/v1/completions/{second['id']}", headers=headers, timeout=DEADLINE_S
    ).raise_for_status()
    window.ask(HIDE % "false")
    wait_for(window, f"{row(third)} !== null && {row(second)} === null", "nothing of the pause is missed")
    assert window.ask("document.title") != "stolen"


def test_a_page_without_events_asks_and_says_what_fails(server: LocalServer, window: chromium.Tab) -> None:
    """Without a stream the page asks; it says when the server is gone and when the login has ended."""
    sign_in(window, server)
    call = running_call(tags=["polled"])
    window.open(f"{server.url}/?tag=polled")
    window.call("Network.setBlockedURLs", urls=["*/events*"])
    window.open(f"{server.url}/?tag=polled")
    wait_for(window, "document.documentElement.dataset.live === 'polling'", "the page asks")
    post(server, call)
    wait_for(window, f"{row(call)} !== null", "a new call appears")

    window.call("Network.setBlockedURLs", urls=["*/events*", "*/calls/*"])
    said = "(document.querySelector('.live-state')?.innerText ?? '')"
    wait_for(window, f"{said}.includes('does not answer')", "the server is gone")
    window.call("Network.setBlockedURLs", urls=[])
    wait_for(window, "document.documentElement.dataset.live === 'live'", "it is back")
    assert window.ask("document.querySelector('.live-state') === null")

    window.call("Network.clearBrowserCookies")
    post(server, {**call, "status": "finished", "response": chat_response("So."), "duration": 1.0})
    wait_for(window, f"{said}.endsWith('Sign in')", "the login has ended")


def test_a_session_grows_while_one_reads_it(server: LocalServer, window: chromium.Tab) -> None:
    """A new call appears on the session's page; an open fold stays open, and a marked text stays marked."""
    sign_in(window, server)
    begun = running_call(session_id="growing", created_at="2026-01-01T00:00:00Z")
    begun["request"]["messages"] = 60 * begun["request"]["messages"]
    post(server, begun)
    open_live(window, server, "/sessions/growing")
    window.ask("document.querySelector('#session details[id]').open = true")
    text = "document.querySelector('#session').innerText"

    window.ask("getSelection().selectAllChildren(document.querySelector('#session'))")
    post(server, {**begun, "status": "finished", "response": chat_response("At last."), "duration": 9.0})
    post(server, completion(session_id="growing", response=chat_response("And on.")))
    post(server, completion(session_id="another", response=chat_response("Elsewhere.")))
    assert not window.ask(f"{text}.includes('At last.')")
    window.ask("getSelection().removeAllRanges()")

    wait_for(window, f"{text}.includes('At last.') && {text}.includes('And on.')", "the session grows")
    assert not window.ask(f"{text}.includes('Elsewhere.')")
    assert window.ask("document.querySelector('#session details[id]').open")
    assert window.ask("document.title") != "stolen"


def test_a_running_call_ends_while_one_reads_it(server: LocalServer, window: chromium.Tab) -> None:
    """The page of a call that runs shows its answer when it comes, and is left alone from then on."""
    sign_in(window, server)
    call = running_call()
    post(server, call)
    open_live(window, server, f"/completions/{call['id']}")
    post(server, {**call, "status": "finished", "response": chat_response("At last."), "duration": 9.0})
    article = "document.querySelector('#call')"
    wait_for(window, f"{article}.innerText.includes('At last.')", "the call ends")
    assert window.ask(f"!{article}.hasAttribute('data-live')")


def test_choices_filter_at_once_and_stay_on_the_way(server: LocalServer, window: chromium.Tab) -> None:
    """An offered model filters without the button, and stays set; two ticked calls are compared."""
    post(server, *(completion(tags=["chosen"]) for _ in range(3)))
    sign_in(window, server)
    open_live(window, server, "/?tag=chosen")

    model = "document.querySelector('[name=model]')"
    window.ask(f"{model}.value = 'gpt-4o-mini'")
    window.ask(f"{model}.dispatchEvent(new Event('input', {{ bubbles: true }}))")
    window.wait_for_load()
    assert sorted(window.ask("location.search").strip("?").split("&")) == ["model=gpt-4o-mini", "tag=chosen"]
    filtered = window.ask("location.search")
    for key in "jxjx":
        window.press(key)
    window.press("c")
    window.wait_for_load()
    assert window.ask("location.pathname") == "/compare"
    window.ask("history.back()")
    window.wait_for_load()
    window.press("j")
    window.press("Enter")
    window.wait_for_load()
    assert window.ask("location.pathname").startswith("/completions/")
    assert window.ask("location.search") == filtered
