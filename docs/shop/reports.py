"""Writes what the shop's people read on Monday, and the texts of new products."""

from __future__ import annotations

import openai


def write_weekly_report(client: openai.OpenAI, notes: str) -> str:
    """The week in support, from the notes of every ticket."""
    stream = client.chat.completions.create(
        model="o3-mini",
        messages=[
            {
                "role": "developer",
                "content": "Summarize the week in support: themes, numbers, one proposal. Markdown.",
            },
            {"role": "user", "content": notes},
        ],
        reasoning_effort="medium",
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def describe_product(client: openai.OpenAI, facts: str) -> str:
    """The text of a product's page."""
    completion = client.chat.completions.create(
        model="gpt-4.1",
        messages=[
            {"role": "system", "content": "Write a product text of 60 words. Plain, no superlatives."},
            {"role": "user", "content": facts},
        ],
        temperature=0.7,
    )
    return completion.choices[0].message.content or ""
