"""The pages in a real browser: what a person does there works, with and without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.local_server import LocalServer
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.axe import find_violations
from tests.server.pages.page_client import chat_response, completion, post, sign_in
from tests.server.pages.shown_records import CALL, records

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}"),
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


def test_a_key_is_made_copied_and_revoked(server: LocalServer, browser: chromium.Tab) -> None:
    """The new key can be copied while its page is open; reloading or going back shows it no more."""
    browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    browser.open(f"{server.url}/settings")
    browser.press("n")
    assert browser.ask("document.activeElement.name") == "name"
    browser.ask("document.activeElement.value = 'job'")
    browser.press("Enter")
    browser.wait_for_load()
    secret = browser.ask("document.getElementById('secret').textContent")
    assert browser.ask("location.pathname") == "/settings"
    assert find_violations(browser) == []
    browser.ask("document.querySelector('[data-copy-from=secret]').click()")
    processes.until(lambda: browser.ask("document.getElementById('notices').textContent"), "it is copied")
    assert browser.ask("navigator.clipboard.readText()") == secret

    browser.ask("document.querySelector('[aria-label=\"Revoke job\"]').click()")
    browser.wait_for_load()
    assert find_violations(browser) == []
    browser.ask("document.querySelector('button.danger').click()")
    browser.wait_for_load()
    assert "Revoked: job" in browser.ask("document.querySelector('.done').innerText")
    assert secret not in browser.ask("document.documentElement.outerHTML")


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
