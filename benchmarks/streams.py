"""What a long stream costs once it has been read: processor time and memory of making its record.

    python benchmarks/streams.py [--pieces 1000000]

Prints a row for each form in which answers are streamed. The time is that of a background thread; the room is
the most that is allocated at any moment, beside the bytes of the stream itself, measured on a tenth of the
pieces.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from typing import Any

from log10_trace.record.call import Call
from log10_trace.record.completion import to_json

TEXT = "one of many pieces "


def _chunk(**delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


_EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat, text": ("/chat/completions", _chunk(content=TEXT)),
    "chat, arguments of a tool": (
        "/chat/completions",
        _chunk(tool_calls=[{"index": 0, "function": {"arguments": TEXT}}]),
    ),
    "chat, reasoning in parts": (
        "/chat/completions",
        _chunk(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": TEXT}]),
    ),
    "text completion": (
        "/completions",
        {"id": "c", "choices": [{"index": 0, "text": TEXT, "finish_reason": None}]},
    ),
    "response, text": (
        "/responses",
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": TEXT},
    ),
}


def _call(endpoint: str, event: dict[str, Any], pieces: int) -> Call:
    call = Call(endpoint, created_ns=time.time_ns(), started_ns=time.perf_counter_ns())
    call.status, call.streamed, call.content_type = "finished", True, "text/event-stream"
    call.chunks = [f"data: {json.dumps(event)}\n\n".encode() * pieces]
    return call


def _seconds(call: Call) -> float:
    began = time.process_time()
    to_json(call)
    return time.process_time() - began


def _room(call: Call) -> int:
    tracemalloc.start()
    try:
        to_json(call)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main() -> None:
    """Measure each form and print its row."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--pieces", type=int, default=1_000_000)
    pieces = options.parse_args().pieces
    print(f"{pieces:,} pieces of {len(TEXT)} characters")
    print(f"{'':28}{'stream, MB':>12}{'seconds':>10}{'room, bytes for each character of the text':>46}")
    for name, (endpoint, event) in _EVENTS.items():
        whole, tenth = _call(endpoint, event, pieces), _call(endpoint, event, pieces // 10)
        size, characters = len(whole.chunks[0]) / 1e6, len(TEXT) * (pieces // 10)
        print(f"{name:28}{size:12.0f}{_seconds(whole):10.1f}{_room(tenth) / characters:46.1f}", flush=True)


if __name__ == "__main__":
    main()
