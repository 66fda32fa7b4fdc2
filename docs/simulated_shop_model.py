"""The model behind the screenshots: an endpoint that answers the shop's prompts as a model would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4


class Turn(NamedTuple):
    """What a user asks, what a model and a smaller one answer, and the tool that they call first."""

    asked: str
    answered: str
    alternative: str = ""
    tool: str = ""
    arguments: dict[str, Any] | None = None


_TEXTS: Final = json.loads((Path(__file__).parent / "shop" / "texts.json").read_text(encoding="utf-8"))
CONVERSATIONS: Final = [[Turn(**turn) for turn in turns] for turns in _TEXTS["conversations"]]
MAILS: Final[list[str]] = [each["mail"] for each in _TEXTS["mails"]]
NOTES: Final = "All tickets of the week, for the report:\n\n" + "\n".join(
    f"- ticket {number}: {MAILS[number % len(MAILS)]} Closed after {number % 5 + 1} messages."
    for number in range(4310, 4390)
)
PRODUCT: Final[str] = _TEXTS["product"]["facts"]
SLOW: Final = "slow"
BUSY, TOO_LONG, BROKEN = "busy", "too-long", "broken"
"""Keys with which the model answers late, or with an error."""
_FAULTS: Final = _TEXTS["faults"]
_TURNS: Final = {turn.asked: turn for turns in CONVERSATIONS for turn in turns}
_ANSWERS: Final = {
    **{each["mail"]: json.dumps(each["ticket"]) for each in _TEXTS["mails"]},
    NOTES: _TEXTS["report"],
    PRODUCT: _TEXTS["product"]["text"],
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer one chat completion."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = request["messages"]
        asked = next(message["content"] for message in reversed(messages) if message["role"] == "user")
        key = self.headers["Authorization"].removeprefix("Bearer ")
        if fault := _FAULTS.get(key):
            error = {"message": fault["message"], "type": fault["code"], "param": None, "code": fault["code"]}
            self._send(fault["status"], "application/json", json.dumps({"error": error}).encode())
            return
        if key == SLOW:
            time.sleep(1.0)
        body = _complete(request, messages, asked)
        if not request.get("stream"):
            self._send(200, "application/json", json.dumps(body).encode())
            return
        self._send(200, "text/event-stream", b"".join(_events(body)))

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-request-id", f"req_{uuid4().hex}")
        self.end_headers()
        with suppress(BrokenPipeError):  # who waits for the slow answer has left
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class calls it so
        """Nothing: the screenshots are what is looked at."""


def _complete(request: dict[str, Any], messages: list[Any], asked: str) -> dict[str, Any]:
    turn = _TURNS.get(asked)
    answered = turn.answered if turn else _ANSWERS[asked]
    if turn is not None and turn.alternative and request["model"] == "gpt-4.1-mini":
        answered = turn.alternative
    message: dict[str, Any] = {"role": "assistant", "content": answered, "refusal": None}
    finish = "stop"
    if turn is not None and turn.tool and messages[-1]["role"] == "user":
        function = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
        message["content"] = None
        message["tool_calls"] = [{"id": "call_Lk93xQdM2a", "type": "function", "function": function}]
        finish = "tool_calls"
    given = len(json.dumps(request)) // 4
    made = len(answered) // 4 + 8
    reasoning = 640 if request["model"].startswith("o") else 0
    return {
        "id": "chatcmpl-BqT4v7",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": made + reasoning,
            "total_tokens": given + made + reasoning,
            "prompt_tokens_details": {"cached_tokens": given // 256 * 128},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        },
    }


def _events(body: dict[str, Any]) -> Iterator[bytes]:
    head = {key: body[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    text = body["choices"][0]["message"]["content"]
    pieces = [{"role": "assistant", "content": ""}, *({"content": word} for word in text.split(" "))]
    for number, delta in enumerate(pieces):
        if number > 1:
            delta["content"] = " " + delta["content"]
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield _event({**head, "choices": [], "usage": body["usage"]})
    yield b"data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


@contextmanager
def serve() -> Iterator[str]:
    """The base URL of the model, which answers while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
