"""The page of a call in a real browser: its keys, its copies, its switch, its question before deleting."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from log10_trace.local_server import LocalServer
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.page_client import chat_response, completion, post, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}"),
]

PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
FUNCTION = {"name": "weather", "arguments": '{"city": "Oslo"}'}
TOOL_CALL = {"id": "call_1", "type": "function", "function": FUNCTION}
QUESTION = [
    {"role": "system", "content": "You are terse."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "How cold is Oslo?"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ],
    },
]
RESULT = [
    {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "-3 degrees"},
]
FACTS = {
    "model": "gpt-5-nano",
    "duration": "took 7.25 s",
    "first token": "first token after 417 ms",
    "tokens": "1,234 tokens in (1,024 cached), 567 out (89 reasoning)",
    "temperature": "0.625",
    "tag": "checkout",
    "session": "session-9",
    "process": "worker-8",
    "request id": "req_55",
    "line": "answer = ask()",
    "place": "/srv/shop.py:42",
    "metadata": "ada",
    "system": "You are terse.",
    "tool call": "call_1",
    "result": "-3 degrees",
    "answer": "Cold",
}
"""What the page of the second call says, each exactly once beside the title."""


def records() -> list[dict[str, object]]:
    """Three calls of a session."""
    usage = {
        "prompt_tokens": 1234,
        "completion_tokens": 567,
        "prompt_tokens_details": {"cached_tokens": 1024},
        "completion_tokens_details": {"reasoning_tokens": 89},
    }
    about = {
        "session_id": "session-9",
        "tags": ["checkout"],
        "duration": 7.25,
        "time_to_first_token": 0.417,
        "source": "worker-8",
        "request_id": "req_55",
        "metadata": {"customer": "ada"},
        "stacktrace": [{"file": "/srv/shop.py", "line": "answer = ask()", "lineno": 42, "name": "serve"}],
    }
    answer = chat_response("**Cold**") | {"usage": usage, "model": "gpt-5-nano"}
    asking = chat_response(None, tool_calls=[TOOL_CALL])
    calls = (("a", QUESTION, asking), ("b", [*QUESTION, *RESULT], answer))
    return [
        *(
            completion(
                id=name,
                created_at=f"2026-01-01T00:0{minute}:00Z",
                request={"model": "gpt-5-nano", "temperature": 0.625, "messages": messages},
                response=response,
                **about,
            )
            for minute, (name, messages, response) in enumerate(calls)
        ),
        completion(id="c", created_at="2026-01-01T00:02:00Z", tags=["other"]),
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The real server in a process of its own, with calls to show."""
    with processes.server(tmp_path_factory.mktemp("call") / "log10") as running:
        post(running, *records())
        yield running


@pytest.fixture
def browser(server: LocalServer, window: chromium.Tab) -> chromium.Tab:
    """The browser of somebody who just signed in."""
    return sign_in(window, server)


def follow(browser: chromium.Tab, key: str) -> str:
    """Press a key that leads somewhere; the path and query there."""
    browser.press(key)
    browser.wait_for_load()
    return str(browser.ask("location.pathname + location.search"))


def test_each_fact_stands_once_on_the_screen(server: LocalServer, browser: chromium.Tab) -> None:
    """Nothing that the page says of a call is said twice; a tool's result stands in the box of its call."""
    browser.open(f"{server.url}/completions/b")
    screen = browser.ask("document.querySelector('main').innerText")
    title = browser.ask("document.querySelector('h1').innerText")
    box = browser.ask("document.querySelector('.toolcall').innerText")

    assert title == "How cold is Oslo?"
    assert {name: screen.count(fact) for name, fact in FACTS.items()} == dict.fromkeys(FACTS, 1)
    assert screen.count("finished") == 2  # the status, and how the answer ended
    assert all(text in box for text in ("weather", '"city": "Oslo"', "-3 degrees"))
    assert browser.complaints == []


def test_the_keys_lead_to_the_calls_beside_it(server: LocalServer, browser: chromium.Tab) -> None:
    """Brackets go through the list as it is filtered, braces through the session; "Calls" leads back."""
    browser.open(f"{server.url}/completions/b?tag=checkout")

    assert browser.ask("document.querySelector('[data-key=\"[\"]')") is None
    assert follow(browser, "]") == "/completions/a?tag=checkout"
    assert follow(browser, "}") == "/completions/b?tag=checkout"
    assert follow(browser, "{") == "/completions/a?tag=checkout"
    assert follow(browser, "[") == "/completions/b?tag=checkout"
    assert browser.ask("document.querySelector('.trail a').getAttribute('href')") == "/?tag=checkout"
    browser.press("?")
    assert "call after in the list" in browser.ask("document.getElementById('keys').innerText")


def test_texts_are_rendered_on_every_call_once_chosen(server: LocalServer, browser: chromium.Tab) -> None:
    """The key switches, the choice is remembered; a picture is loaded from this server when it is opened."""
    browser.open(f"{server.url}/completions/b")
    follow(browser, "m")
    browser.open(f"{server.url}/completions/b")
    assert browser.ask("document.querySelector('.rendered strong').innerText") == "Cold"
    picture = f"{server.url}/completions/b/media/asked-2-2"
    assert picture not in browser.addresses

    browser.ask("document.querySelector('.media').open = true")
    width = "document.querySelector('.media img').naturalWidth"
    processes.until(lambda: browser.ask(width) == 1, "it is shown")
    assert picture in browser.addresses
    follow(browser, "m")
    assert browser.ask("document.querySelector('.rendered')") is None
    assert browser.complaints == []


def test_what_is_copied_is_what_the_server_gives(server: LocalServer, browser: chromium.Tab) -> None:
    """Command, program, messages and the line to ask again; the menu closes with Escape."""
    browser.open(f"{server.url}/completions/b")
    browser.ask("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    for name in ("request.sh", "request.py", "messages.json"):
        button = f"document.querySelector('[data-copy$={json.dumps(name)}]')"
        browser.ask(f"window.copied = null; document.querySelector('#copy-as').open = true; {button}.click()")
        processes.until(lambda: browser.ask("window.copied"), "it is copied")
        given = browser.ask(f"fetch({button}.dataset.copy).then((answer) => answer.text())")
        assert browser.ask("window.copied") == given
    browser.press("Escape")
    assert not browser.ask("document.querySelector('#copy-as').open")

    browser.ask("window.copied = null; document.querySelector('[data-copy-from=replay]').click()")
    processes.until(lambda: browser.ask("window.copied"), "it is copied")
    assert browser.ask("window.copied").strip() == "log10-trace replay b"


def test_deleting_asks_first_also_without_javascript(server: LocalServer, browser: chromium.Tab) -> None:
    """The question can be answered with no; a yes leads to a page that says when the call was deleted."""
    browser.open(f"{server.url}/completions/c?tag=other")
    browser.ask("document.querySelector('.remove').click()")
    browser.wait_for_load()
    browser.ask("document.querySelector('form a.button').click()")
    browser.wait_for_load()
    assert browser.ask("location.pathname + location.search") == "/completions/c?tag=other"

    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(f"{server.url}/completions/c/delete?tag=other")
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    browser.ask("document.querySelector('form[action*=delete] button').click()")
    browser.wait_for_load()

    assert browser.ask("document.querySelector('h1').innerText") == "This call was deleted"
    assert browser.ask("document.querySelector('main a').getAttribute('href')") == "/?tag=other"
