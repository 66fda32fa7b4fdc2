"""A tool call and its answer: two records of one session, with the tools, the call and the result whole.

OPENAI_API_KEY=... python examples/tools.py
"""

from __future__ import annotations

import json
import os
from typing import Any

from openai import OpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]

log10_trace.patch()

client = OpenAI()
messages: Any = [{"role": "user", "content": "What is the weather in Oslo?"}]

with log10_trace.session(tags=["tools"]):
    asked = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0].message
    messages.append(asked.model_dump(exclude_none=True))
    for call in asked.tool_calls or []:
        if call.type == "function":
            print("asked for", call.function.name, call.function.arguments)
        result = {"city": "Oslo", "sky": "clear", "celsius": 4}
        messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0].message
    print(answer.content)
