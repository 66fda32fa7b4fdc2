"""Records as JSON text, for the tests of table files."""

from __future__ import annotations

import json
from typing import Any

from log10_trace.domain.prices import Prices
from log10_trace.table_files.rows import ExportedCall, read_call

PRICES = Prices.load()


def record(number: int = 0, **fields: Any) -> str:
    """The JSON text of a call; the higher the number, the newer."""
    return json.dumps(
        {
            "id": f"01900000-0000-7000-8000-{number:012d}",
            "kind": "chat",
            "status": "finished",
            "created_at": f"2026-01-01T00:00:{number:02d}.250Z",
            "request": {
                "model": "gpt-4o",
                "messages": [{"role": "user", "content": f"question {number}"}],
            },
            "response": {
                "model": "gpt-4o-2024-08-06",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": f"answer {number}", "refusal": None},
                    }
                ],
                "usage": {"prompt_tokens": 1_000, "completion_tokens": 100},
            },
            **fields,
        }
    )


def exported(number: int = 0, **fields: Any) -> ExportedCall:
    """The rows of the same call."""
    return read_call(record(number, **fields), PRICES)
