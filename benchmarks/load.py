"""A load of POST requests over keep-alive connections, with as little work of the client's as can be."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Result:
    """What came of a load: answers by status, and how long each took."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests answered with success, a second."""
        return sum(count for status, count in self.statuses.items() if status < 300) / self.seconds  # noqa: PLR2004

    def percentile_ms(self, share: float) -> float:
        """Milliseconds that ``share`` percent of the requests did not exceed."""
        return statistics.quantiles(self.latencies, n=100)[int(share) - 1] * 1000


@dataclass(frozen=True)
class Target:
    """Where the load goes, and under which headers."""

    url: str
    path: str
    headers: dict[str, str]

    def request(self, body: bytes) -> bytes:
        """The bytes of one request."""
        host = urlsplit(self.url).netloc
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def post_all(targets: Sequence[Target], bodies: Sequence[bytes], connections: int) -> Result:
    """Send every body, each connection the next one as soon as it has its answer; connections take turns."""
    return asyncio.run(_post_all(targets, bodies, connections))


async def _post_all(targets: Sequence[Target], bodies: Sequence[bytes], connections: int) -> Result:
    result, left = Result(), iter(bodies)
    began = time.perf_counter()
    ends = [targets[number % len(targets)] for number in range(connections)]
    await asyncio.gather(*(_post_some(target, left, result) for target in ends))
    result.seconds = time.perf_counter() - began
    return result


async def _post_some(target: Target, left: Iterator[bytes], result: Result) -> None:
    parts = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for body in left:
        sent = time.perf_counter()
        writer.write(target.request(body))
        status = await _answer(reader)
        result.latencies.append(time.perf_counter() - sent)
        result.statuses[status] = result.statuses.get(status, 0) + 1
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
