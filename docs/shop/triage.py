"""Sorts the mail that comes in: what it is about, and how urgent it is."""

from __future__ import annotations

import json
from typing import Any

import openai

TICKET: dict[str, Any] = {
    "type": "object",
    "properties": {
        "topic": {"enum": ["delivery", "return", "product", "payment", "other"]},
        "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
        "summary": {"type": "string"},
    },
    "required": ["topic", "urgency", "summary"],
    "additionalProperties": False,
}


def classify(client: openai.OpenAI, mail: str) -> dict[str, Any]:
    """The ticket of a mail."""
    completion = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": "Sort this mail to an outdoor shop into a ticket."},
            {"role": "user", "content": mail},
        ],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "ticket", "schema": TICKET, "strict": True},
        },
        temperature=0,
    )
    ticket: dict[str, Any] = json.loads(completion.choices[0].message.content or "{}")
    return ticket
