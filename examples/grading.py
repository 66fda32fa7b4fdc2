"""Grading: a task says what is asked about calls, a model gives the first grades, people see the rest.

    OPENAI_API_KEY=... python examples/grading.py

The task is on the page under "To grade", and in the terminal: `log10-trace feedback grade --task ID`.
"""

from __future__ import annotations

import json
import os
import statistics
from typing import Any

from openai import OpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"enum": [1, 2, 3, 4, 5]}, "reason": {"type": "string"}},
    "required": ["score", "reason"],
    "additionalProperties": False,
}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "grade", "strict": True, "schema": SCHEMA}}

log10_trace.patch()
client = OpenAI()

# The calls to grade: a task finds them by their tag.
for question in ("Why is the sky blue?", "Why is the sea salty?", "Why do cats purr?"):
    with log10_trace.tags("explain"):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": question}])
log10_trace.flush()

with log10_trace.Log10() as log10:
    instruction = "Would a child of ten understand this answer? 5: every word of it. 1: nothing."
    wanted = {"instruction": instruction, "json_schema": SCHEMA, "completion_tags_selector": ["explain"]}
    task = log10.feedback_tasks.create({"name": "Plain enough", **wanted}).task
    waiting = log10.completions.list_ungraded(task_id=task.id).object.completions
    for call in waiting[1:]:  # the newest is left for people
        response: Any = call.response
        answer = response.choices[0].message.content
        judged = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "system", "content": instruction}, {"role": "user", "content": answer}],
            response_format=FORMAT,
        )
        values = json.loads(judged.choices[0].message.content or "")  # the server checks it with the schema
        log10.feedback.upload({"task_id": task.id, "completion_ids": [call.id], "json_values": values})

    graded: Any = log10.feedback.list(task_id=task.id).object.feedback
    scores = [each.json_values["score"] for each in graded]
    print(f"{len(scores)} grades, mean score {statistics.mean(scores):.1f}; the newest call waits for people")
