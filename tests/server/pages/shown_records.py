"""Records for a real browser to show: calls of each condition, one of them hostile."""

from __future__ import annotations

from typing import Any, Final

import httpx

from log10_trace.local_server import LocalServer
from tests.processes import DEADLINE_S
from tests.server.pages.page_client import chat_response, completion

CALL: Final = "01890000-0000-7000-8000-000000000001"
FAILED: Final = "01890000-0000-7000-8000-000000000002"
ELSEWHERE: Final = "https://elsewhere.example/picture.png"
HOSTILE: Final = f'<script>document.title="stolen"</script><img src="{ELSEWHERE}" onerror="document.title=1">'

TASK: Final[dict[str, Any]] = {
    "id": "tone",
    "name": HOSTILE,
    "instruction": HOSTILE,
    "completion_tags_selector": ["red"],
    "json_schema": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["kind", "curt", HOSTILE]},
            "again": {"type": "boolean"},
            "stars": {"type": "integer", "minimum": 1, "maximum": 5},
            "why": {"type": "string", "description": HOSTILE},
            "themes": {"type": "array", "items": {"enum": ["price", "tone"]}},
            "model": {"enum": [f"model {number}" for number in range(20)]},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "code": {"type": "string", "maxLength": 5},
            "rest": {"type": "object"},
        },
        "required": ["kind"],
    },
}
"""A task with a question of each form."""


def records() -> list[dict[str, Any]]:
    """Calls of each condition, one of them hostile."""
    parts = [{"type": "text", "text": HOSTILE}, {"type": "image_url", "image_url": {"url": ELSEWHERE}}]
    request = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": parts}]}
    stack = [{"file": "/srv/app.py", "line": "client.create()", "lineno": 4, "name": "ask"}]
    hostile = completion(id=CALL, request=request, response=chat_response(HOSTILE), stacktrace=stack)
    failure = {
        "status": "failed",
        "response": None,
        "failure_kind": "RateLimitError",
        "failure_reason": "slow",
    }
    return [
        {**hostile, "tags": ["red", HOSTILE], "session_id": "s", "metadata": {"team": HOSTILE}},
        completion(id=FAILED, session_id="s", **failure),
        completion(session_id="s", **failure),
        completion(status="started", response=None, duration=None, session_id="s"),
        *(completion(session_id="t", interrupted=True) for _ in range(3)),
    ]


def grade(server: LocalServer) -> None:
    """Store the task, and feedback on a call."""
    values = {"kind": HOSTILE, "stars": 4, "why": HOSTILE, "more": HOSTILE}
    feedback = {"task_id": TASK["id"], "json_values": values, "comment": HOSTILE, "completion_ids": [CALL]}
    with httpx.Client(
        base_url=server.url, headers={"X-Log10-Token": server.token}, timeout=DEADLINE_S
    ) as client:
        client.post("/api/v1/feedback_task", json=TASK).raise_for_status()
        client.post("/api/v1/feedback", json=feedback).raise_for_status()
