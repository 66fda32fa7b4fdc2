"""``open``: the browser is signed in by a one-time code, and never sees the key."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from log10_trace.domain.keys import Scope, make_key
from log10_trace.local_server import LocalServer
from log10_trace.server.store import open_store
from tests.cli.conftest import Cli, Said
from tests.processes import DEADLINE_S
from tests.server.pages import chromium

Calls = list[dict[str, Any]]
NO_BROWSER = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
FAKE_BROWSER = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"


@pytest.fixture
def browser(tmp_path: Path) -> tuple[str, Callable[[], list[str]]]:
    """A command that stands for a browser, and the words it was started with."""
    file, script = tmp_path / "started with", tmp_path / "browser.py"
    script.write_text(FAKE_BROWSER)
    command = shlex.join([sys.executable, str(script), str(file)]) + " %s"
    return command, lambda: json.loads(file.read_text())


def test_the_browser_is_led_to_the_calls_page(
    cli: Cli, calls: Calls, browser: tuple[str, Callable[[], list[str]]]
) -> None:
    """The browser is started with an address that signs in and leads to the page; the key is not in it."""
    command, words = browser
    done = cli.run("open", "latest", BROWSER=command)

    (address,) = words()
    with httpx.Client(follow_redirects=True, timeout=DEADLINE_S) as visitor:
        page = visitor.get(address)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode() == f"Opened {cli.url}/completions/{calls[5]['id']}\n"
    assert cli.token not in address
    assert (page.status_code, page.url) == (200, f"{cli.url}/completions/{calls[5]['id']}")
    assert "answer 5" in page.text


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ((), "/"),
        (("01900000-0000-7000-8000-000000000003",), "/completions/01900000-0000-7000-8000-000000000003"),
        (("--session", "session-1"), "/sessions/session-1"),
    ],
)
def test_the_page_is_the_one_that_is_named(
    within: Callable[..., Said], calls: Calls, words: tuple[str, ...], path: str
) -> None:
    """Nothing names the list, an id its call, --session its session; --print gives the address alone."""
    done = within("open", *words, "--print")

    assert (done.returncode, done.err) == (0, "")
    assert parse_qs(urlsplit(done.out.strip()).query)["next"] == [path]


@pytest.mark.parametrize("variables", [NO_BROWSER, {"BROWSER": "/no/such/browser %s"}])
def test_without_a_browser_the_address_is_printed(cli: Cli, variables: dict[str, str]) -> None:
    """Where no browser can be started the address stands on the standard output, and says what it is."""
    done = cli.run("open", **variables)

    assert done.returncode == 0
    assert done.stdout.decode().startswith(f"{cli.url}/login?code=")
    assert b"No browser can be opened here" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing",), 1, "no such completion"),
        (("--session", "nothing"), 1, "no such session"),
        (("latest", "--session", "s"), 2, "not both"),
        (("--token", "wrong"), 4, "key"),
        (("--url", "http://127.0.0.1:9"), 3, "127.0.0.1:9"),
    ],
)
def test_mistakes_are_named(
    within: Callable[..., Said], words: tuple[str, ...], code: int, said: str
) -> None:
    """What is not there is said in the terminal, and no address is made."""
    done = within("open", *words, "--print")

    assert (done.returncode, done.out) == (code, "")
    assert said in " ".join(done.err.replace("│", " ").split()).lower()


@pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}")
def test_chromium_is_signed_in_once(cli: Cli, calls: Calls, served: tuple[LocalServer, Path]) -> None:
    """Chromium lands on the page; the key is in no history and no log, and the address signs in once."""
    address = cli.text("open", "latest", "--print").strip()
    code = parse_qs(urlsplit(address).query)["code"][0]

    with chromium.tab() as tab:
        tab.open(address)
        path = tab.ask("location.pathname")
        shown = tab.ask("document.body.innerText")
        history = json.dumps([tab.call("Page.getNavigationHistory"), tab.addresses])
        tab.renew()
        tab.open(address)
        again = tab.ask("document.querySelector('[role=alert]').innerText")

    home = served[1]
    log = (home.parent / f"{home.name}-serve.log").read_text(encoding="utf-8")
    assert path == f"/completions/{calls[5]['id']}"
    assert "answer 5" in shown
    assert (cli.token in history, cli.token in log, code in log) == (False, False, False)
    assert again.startswith("That address was used already")


def test_a_grader_is_led_to_what_may_be_graded(cli: Cli, served: tuple[LocalServer, Path]) -> None:
    """A key that may grade and not read opens the page of the tasks; one that may only write opens none."""
    addresses = []
    store = open_store(served[1] / "completions.db")
    try:
        for scope in (Scope.FEEDBACK, Scope.INGEST):
            token, key = make_key("graders", [scope], name="", now_ms=1)
            store.keys.add("graders", key).result()
            addresses.append(cli.run("open", "--print", "--token", token))
    finally:
        store.close()

    with httpx.Client(follow_redirects=True, timeout=DEADLINE_S) as visitor:
        assert visitor.get(addresses[0].stdout.decode().strip()).url == f"{cli.url}/grade"
    assert (addresses[1].returncode, b"scope" in addresses[1].stderr) == (4, True)
