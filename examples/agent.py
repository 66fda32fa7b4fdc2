"""An agent: each question is a session of its own, and a tag says which step of the loop made a call.

    OPENAI_API_KEY=... python examples/agent.py

`log10-trace sessions list --tag agent` lists the runs, `log10-trace sessions show ID` tells one in order.
"""

from __future__ import annotations

import json
import os
from typing import Any

from openai import OpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
MAX_STEPS = 5
NUMBER = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
FIND_ORDER = {"name": "find_order", "description": "The state of an order.", "parameters": NUMBER}
TOOLS: Any = [{"type": "function", "function": FIND_ORDER}]
ORDERS = {"20417": "shipped on Monday", "20455": "waits for a house number"}


def find_order(number: str) -> str:
    """The tool: an ordinary function, which may make calls of its own."""
    return ORDERS.get(number, "there is no such order")


@log10_trace.tags("agent")
def run(client: OpenAI, question: str) -> str:
    """Ask the model until it answers without a tool; every call carries the tag of its step."""
    messages: Any = [{"role": "user", "content": question}]
    for step in range(1, MAX_STEPS + 1):
        with log10_trace.tags(f"step-{step}"):
            completion = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
        message = completion.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            return message.content or ""
        for call in message.tool_calls:
            result = find_order(**json.loads(call.function.arguments)) if call.type == "function" else ""
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return "No answer within the limit of steps."


log10_trace.patch()
openai_client = OpenAI()

for asked in ("Where is order 20417?", "Why does order 20455 not move?"):
    with log10_trace.session() as session:
        print(run(openai_client, asked))

    log10_trace.flush()  # the server has the calls from here on
    with log10_trace.Log10() as log10:
        told = log10.sessions.get(session_id=session.id).session
        print(f"{told.calls} calls, {told.input_tokens} tokens in, {told.output_tokens} out: {session.id}")
