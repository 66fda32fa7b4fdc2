"""What tests of the pages share: a signed-in browser's requests, and records to show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.testclient import TestClient

from log10_trace.domain.completion_record import parse
from log10_trace.domain.ids import new_id
from log10_trace.domain.keys import Scope
from log10_trace.local_server import LocalServer
from log10_trace.server.authentication.auth import Principal
from log10_trace.server.store.protocol import Store
from tests.processes import DEADLINE_S
from tests.server.pages import chromium

ORGANIZATION = "default"
PORT = 4680
READER = Principal("reader", ORGANIZATION, frozenset({Scope.READ}))


def completion(**fields: Any) -> dict[str, Any]:
    """A finished chat completion; ``fields`` replace or add."""
    return {
        "id": new_id(),
        "kind": "chat",
        "status": "finished",
        "request": {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        },
        "response": chat_response("Rayleigh scattering."),
        "duration": 0.5,
        **fields,
    }


def chat_response(content: Any, **message: Any) -> dict[str, Any]:
    """A response with one choice."""
    said = {"role": "assistant", "content": content, **message}
    return {
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }


@dataclass(frozen=True)
class Site:
    """The pages as a browser that is signed in gets them."""

    store: Store
    browser: TestClient

    def keep(self, record: dict[str, Any] | str) -> str:
        """Store a record, as JSON text or as what it says; its id."""
        text = record if isinstance(record, str) else json.dumps(record)
        return self.store.completions.put(ORGANIZATION, parse(text)).result().stored.id

    def page(self, path: str, status: int = 200) -> str:
        """The HTML under ``path``, answered with ``status``."""
        answer = self.browser.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        return answer.text


def post(server: LocalServer, *batch: dict[str, Any]) -> None:
    """Deliver records to a server that runs in a process of its own."""
    lines = "\n".join(map(json.dumps, batch)).encode()
    headers = {"X-Log10-Token": server.token, "Content-Type": "application/x-ndjson"}
    httpx.post(
        f"{server.url}/api/v1/completions/batch", content=lines, headers=headers, timeout=DEADLINE_S
    ).raise_for_status()


def sign_in(window: chromium.Tab, server: LocalServer, token: str = "") -> chromium.Tab:
    """The browser as new, of somebody who just signed in through the form."""
    window.renew()
    window.open(server.url)
    window.ask(f"document.querySelector('[name=token]').value = {json.dumps(token or server.token)}")
    window.ask("document.querySelector('form button').click()")
    window.wait_for_load()
    return window
