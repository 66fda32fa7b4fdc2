"""The other side of a benchmark, a process of its own: a model that answers at once, an API that keeps none.

    python benchmarks/endpoints.py [--at-once]      prints "READY <port>" and serves until its input closes

``POST /v1/...`` answers as a model would (SSE of ``chunks`` pieces when the request says ``"stream": true``),
``POST /api/v1/...`` accepts what log10_trace delivers. Raw asyncio, so that little of the machine goes here.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CHUNKS: Final = 100
AT_ONCE: Final = "--at-once"
"""Send a stream in one packet, its pieces in chunks of their own all the same."""
ANSWER: Final = json.dumps(
    {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "benchmark",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * 200, "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220},
    }
).encode()


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    frame = {"id": "chatcmpl-benchmark", "object": "chat.completion.chunk", "created": 1_790_000_000}
    return b"data: " + json.dumps({**frame, "model": "benchmark", "choices": [choice]}).encode() + b"\n\n"


STREAM: Final = [
    _chunk({"role": "assistant", "content": ""}),
    *(_chunk({"content": f"word{n} "}) for n in range(CHUNKS - 2)),
    _chunk({}, "stop"),
    b"data: [DONE]\n\n",
]


def _response(body: bytes, content_type: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
    return head % (content_type, len(body)) + body


def _results(headers: dict[bytes, bytes], body: bytes) -> bytes:
    if headers.get(b"content-encoding") == b"gzip":
        body = gzip.decompress(body)
    ids = [line.partition(b'"id":')[2].split(b'"', 2)[1].decode() for line in body.splitlines() if line]
    results = [{"id": each, "status": 201} for each in ids]
    # As our server spells it.
    return json.dumps({"results": results}, separators=(",", ":")).encode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            request, *lines = head.split(b"\r\n")
            pairs = (line.partition(b":") for line in lines if line)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
            _answer(writer, request.split()[1], headers, body)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()


def _answer(writer: asyncio.StreamWriter, path: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
    if path.startswith(b"/api/v1/limits"):
        writer.write(_response(b'{"batch_items": 500, "batch_bytes": 16000000, "body_bytes": 16000000}'))
    elif path.startswith(b"/api/"):
        writer.write(_response(_results(headers, body)))
    elif b'"stream":true' in body.replace(b" ", b""):
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        pieces = [*(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in STREAM), b"0\r\n\r\n"]
        # In one packet the client reads as often in each run, whoever is faster.
        for data in [b"".join(pieces)] if AT_ONCE in sys.argv else pieces:
            writer.write(data)
    else:
        writer.write(_response(ANSWER))


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=1 << 24)
    print("READY", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def endpoints(*options: str) -> Iterator[str]:
    """Run the endpoints beside the benchmark while the block runs; gives ``http://127.0.0.1:port``."""
    command = [sys.executable, str(Path(__file__).resolve()), *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().split()[1]}"
    finally:
        process.communicate("")


if __name__ == "__main__":
    asyncio.run(_main())
