"""Answers customers, and looks up their orders on the way."""

from __future__ import annotations

import json
from typing import Any

import openai

SYSTEM = (
    "You are the support assistant of Fernweh, an outdoor shop. Answer in two or three friendly sentences. "
    "Look up orders before you speak about them, never promise a delivery date, and hand over to a colleague "
    "when a customer asks for one."
)
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "The state of an order, by its number.",
            "parameters": {
                "type": "object",
                "properties": {"number": {"type": "string"}},
                "required": ["number"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "start_return",
            "description": "A return label for items of an order.",
            "parameters": {
                "type": "object",
                "properties": {
                    "number": {"type": "string"},
                    "items": {"type": "array", "items": {"type": "string"}},
                    "reason": {"type": "string"},
                },
                "required": ["number", "items"],
            },
        },
    },
]
ORDERS: dict[str, dict[str, Any]] = {
    "FW-20417": {
        "state": "shipped",
        "carrier": "DHL",
        "items": ["Kestrel 45 backpack", "Rain cover M"],
        "last_scan": "Leipzig hub, yesterday 21:14",
    },
    "FW-20398": {
        "state": "delivered",
        "items": ["Larch 2 tent", "Larch 2 footprint"],
        "return_until": "in 19 days",
    },
    "FW-20455": {
        "state": "on hold",
        "items": ["Summit down jacket"],
        "reason": "The address lacks a house number.",
    },
}


def answer(client: openai.OpenAI, history: list[Any], model: str = "gpt-4o") -> str:
    """The assistant's next words in a conversation; its tools are called until it has some."""
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, *history]
    while True:
        completion = client.chat.completions.create(
            model=model, messages=messages, tools=TOOLS, temperature=0.3, max_completion_tokens=400
        )
        message = completion.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            return message.content or ""
        for call in message.tool_calls:
            result = run_tool(call)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})


def run_tool(call: Any) -> dict[str, Any]:
    """What a tool gives the model."""
    arguments = json.loads(call.function.arguments)
    if call.function.name == "start_return":
        return {"label": f"https://returns.fernweh.example/{arguments['number']}", "refund": "5 working days"}
    return ORDERS.get(arguments["number"], {"error": "There is no such order."})
