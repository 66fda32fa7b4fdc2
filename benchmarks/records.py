"""Made-up completions of the kind a busy service has: for benchmarks, the same every time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import Any
from uuid import UUID

_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3-mini", "an-in-house-model")
DAYS = 30
_NEW_SESSIONS = 0.1
_FAILURES = 0.02
_FAILURE_KINDS = ("RateLimitError", "APITimeoutError", "APIConnectionError", "InternalServerError")
_FILES = [f"/srv/app/feature_{number}.py" for number in range(40)]
_FUNCTIONS = ("ask", "answer", "summarize")


class Maker:
    """``count`` completions whose words follow Zipf's law, in sessions of about ten, over the last days.

    A message has about ``words`` words: 120 give 5.6 KB of JSON, 14 give 1.4 KB.
    """

    def __init__(
        self, count: int, seed: int = 7, *, over: timedelta = timedelta(days=DAYS), words: int = 120
    ) -> None:
        self._random = random.Random(seed)
        self._count = count
        self._over = over
        self._drawn = words // 6
        self._end = datetime.now(timezone.utc)
        self._words = [self._word() for _ in range(20_000)]
        self._weights = list(accumulate(1 / (rank + 2) for rank in range(len(self._words))))
        self._paragraphs = [" ".join(self._draw(words)) for _ in range(4_000)]
        self._session = self._uuid(0)

    def make(self, number: int) -> dict[str, Any]:
        """The completion of this number."""
        rng = self._random
        if rng.random() < _NEW_SESSIONS:
            self._session = self._uuid(number)
        share = number / max(self._count, 1)
        began = self._end - self._over * (1 - share)
        is_failed = rng.random() < _FAILURES
        file = rng.choice(_FILES)
        record = {
            "id": str(self._uuid(number, began)),
            "kind": "chat",
            "status": "failed" if is_failed else "finished",
            "tags": ["production", f"feature-{rng.randrange(40)}", f"customer-{rng.randrange(2_000)}"],
            "session_id": str(self._session),
            "created_at": began.isoformat(),
            "duration": round(rng.lognormvariate(0.2, 0.8), 6),
            "endpoint": "/chat/completions",
            "source": "benchmark",
            "sequence": number + 1,
            "request": self._request(),
            "response": None if is_failed else self._response(number),
            "stacktrace": [
                {
                    "file": file,
                    "line": "answer = client.chat.completions.create(",
                    "lineno": line,
                    "name": name,
                }
                for line, name in ((12, "main"), (88, "handle"), (140, rng.choice(_FUNCTIONS)))
            ],
        }
        if is_failed:
            record |= {"failure_kind": rng.choice(_FAILURE_KINDS), "failure_reason": "Error code: 429"}
        return record

    def lines(self, first: int, count: int) -> Iterator[str]:
        """Completions as JSON text."""
        return (json.dumps(self.make(number)) for number in range(first, first + count))

    def word(self, rank: int) -> str:
        """The word of this rank: 0 is in nearly every record, -1 in few."""
        return self._words[rank]

    def _request(self) -> dict[str, Any]:
        rng = self._random

        def ask() -> str:
            return f"{rng.choice(self._paragraphs)} {' '.join(self._draw(self._drawn))}"

        return {
            "model": rng.choice(_MODELS),
            "temperature": 0.2,
            "messages": [
                {"role": "system", "content": "You are a careful assistant."},
                {
                    "role": "user",
                    "content": f"{rng.choice(self._paragraphs)} {' '.join(self._draw(self._drawn))}",
                },
                {"role": "assistant", "content": rng.choice(self._paragraphs)},
                {
                    "role": "user",
                    "content": f"{rng.choice(self._paragraphs)} {' '.join(self._draw(self._drawn))}",
                },
            ],
        }

    def _response(self, number: int) -> dict[str, Any]:
        text = f"{self._random.choice(self._paragraphs)} {' '.join(self._draw(2 * self._drawn))}"
        asked, answered = self._random.randrange(600, 700), self._random.randrange(180, 240)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        return {
            "id": f"chatcmpl-{number:08x}",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": answered,
                "total_tokens": asked + answered,
            },
        }

    def _word(self) -> str:
        return "".join(self._random.choices("etaoinshrdlucmfw", k=self._random.randint(3, 9)))

    def _draw(self, count: int) -> list[str]:
        return self._random.choices(self._words, cum_weights=self._weights, k=count)

    def _uuid(self, number: int, began: datetime | None = None) -> UUID:
        milliseconds = int((began or self._end).timestamp() * 1000)
        noise = self._random.getrandbits(42) << 20 | number & 0xFFFFF
        return UUID(int=milliseconds << 80 | 7 << 76 | number % 4096 << 64 | 2 << 62 | noise)
