"""A stream stays the SDK's own object; its record is what the same call unstreamed would have given.

OPENAI_API_KEY=... python examples/streaming.py
"""

from __future__ import annotations

import os

from openai import OpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")

log10_trace.patch(tags=["streaming"])

client = OpenAI()

stream = client.chat.completions.create(
    model=MODEL,
    messages=[{"role": "user", "content": "Count to ten."}],
    stream=True,
)
with stream:
    for chunk in stream:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
