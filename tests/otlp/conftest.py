"""Records for the tests of spans, and the spans of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from log10_trace.otlp.encoding import encode_span

ID = "01900000-0000-7000-8000-000000000001"


def record(**fields: Any) -> dict[str, Any]:
    """A finished chat call with every part that a span shows."""
    return {
        "id": ID,
        "kind": "chat",
        "status": "finished",
        "created_at": "2026-01-02T03:04:05.123456Z",
        "duration": 1.5,
        "time_to_first_token": 0.25,
        "endpoint": "/chat/completions",
        "base_url": "https://api.openai.com/v1/",
        "session_id": "order-7",
        "tags": ["checkout", "beta"],
        "metadata": {"user_id": 42, "team": "search", "is_test": True, "share": 0.5},
        "request_id": "req_1",
        "retries": 2,
        "request": {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "question"}],
            "temperature": 0.5,
            "top_p": 1,
            "max_completion_tokens": 100,
            "frequency_penalty": 0,
            "presence_penalty": 0.1,
            "seed": 7,
            "n": 2,
            "stop": "END",
            "stream": True,
            "reasoning_effort": "low",
            "service_tier": "flex",
            "response_format": {"type": "json_schema", "json_schema": {}},
        },
        "response": {
            "id": "chatcmpl-1",
            "model": "gpt-4o-2024-08-06",
            "service_tier": "default",
            "system_fingerprint": "fp_1",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "one"}},
                {"index": 1, "finish_reason": "length", "message": {"role": "assistant", "content": "two"}},
            ],
            "usage": {
                "prompt_tokens": 50,
                "completion_tokens": 20,
                "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 10, "audio_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": 4},
            },
        },
        "stacktrace": [
            {"file": "/srv/outer.py", "line": "main()", "lineno": 3, "name": "<module>"},
            {"file": "/srv/app.py", "line": "ask()", "lineno": 7, "name": "main"},
        ],
        **fields,
    }


def span_of(record: Mapping[str, Any], *, with_content: bool = False) -> Span | None:
    """The span that the record is sent as."""
    written = encode_span(record, with_content=with_content)
    return None if written is None else Span.FromString(written)
