"""A small model endpoint over real HTTP for the demo; its responses say that they are simulated.

It answers chat completions (plain, streamed, with a tool call) and text completions, and refuses models it
does not know. It thinks nothing: the answer is the question, counted.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

MODEL: Final = "simulated-model"


@contextmanager
def simulated_model() -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 while the block runs; gives the base URL for the SDK."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="simulated-model", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        if asked.get("model") != MODEL:
            self._answer(404, _unknown_model(asked.get("model")))
        elif self.path.endswith("/chat/completions") and asked.get("stream"):
            self._stream(_chunks(asked))
        elif self.path.endswith("/chat/completions"):
            self._answer(200, _chat(asked))
        elif self.path.endswith("/completions"):
            self._answer(200, _text(asked))
        else:
            self._answer(404, _error("The simulated model does not know this address.", "not_found"))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("x-request-id", _id("req"))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("x-request-id", _id("req"))
        self.end_headers()
        for event in events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's word
        """Say nothing: the demo's table is what there is to read."""


def _id(prefix: str) -> str:
    return f"{prefix}-simulated-{time.time_ns()}"


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def _unknown_model(model: object) -> dict[str, Any]:
    return _error(f"The model {model!r} does not exist here; the only one is {MODEL!r}.", "model_not_found")


def _choose_answer(asked: dict[str, Any]) -> str:
    words = [str(message.get("content") or "") for message in asked.get("messages", [])]
    return f"A simulated answer to {sum(len(text.split()) for text in words)} words. No model was asked."


def _usage(asked: dict[str, Any], answer: str) -> dict[str, int]:
    prompt = len(json.dumps(asked.get("messages") or asked.get("prompt") or "").split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": len(answer.split()),
        "total_tokens": prompt + len(answer.split()),
    }


def _tool_call(tool: dict[str, Any]) -> dict[str, Any]:
    parameters = tool["function"].get("parameters", {}).get("properties", {})
    arguments = json.dumps(dict.fromkeys(parameters, "simulated"))
    return {
        "id": _id("call"),
        "type": "function",
        "function": {"name": tool["function"]["name"], "arguments": arguments},
    }


def _frame(kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _id("cmpl"),
        "object": kind,
        "created": int(time.time()),
        "model": asked["model"],
        "system_fingerprint": "fp_simulated",
    }


def _chat(asked: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _choose_answer(asked), "refusal": None}
    finish = "stop"
    if asked.get("tools") and asked["messages"][-1].get("role") == "user":
        message |= {"content": None, "tool_calls": [_tool_call(asked["tools"][0])]}
        finish = "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return _frame("chat.completion", asked) | {
        "choices": [choice],
        "usage": _usage(asked, _choose_answer(asked)),
    }


def _text(asked: dict[str, Any]) -> dict[str, Any]:
    answer = "A simulated continuation. No model was asked."
    choice = {"index": 0, "text": answer, "finish_reason": "stop", "logprobs": None}
    return _frame("text_completion", asked) | {"choices": [choice], "usage": _usage(asked, answer)}


def _chunks(asked: dict[str, Any]) -> Iterator[str]:
    frame = _frame("chat.completion.chunk", asked)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return json.dumps(frame | {"choices": [choice]})

    answer = _choose_answer(asked)
    yield chunk({"role": "assistant", "content": ""})
    for word in answer.split():
        yield chunk({"content": word + " "})
    yield chunk({}, "stop")
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield json.dumps(frame | {"choices": [], "usage": _usage(asked, answer)})
    yield "[DONE]"
