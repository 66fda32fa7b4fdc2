"""One line, and every call is kept: what was asked, what came back, how long it took, from which line.

    OPENAI_API_KEY=... python examples/quickstart.py

The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY as always; OPENAI_MODEL names another model.
"""

from __future__ import annotations

import os

from openai import OpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")

log10_trace.patch()

client = OpenAI()

with log10_trace.session(tags=["quickstart"]) as session:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Why is the sky blue? One sentence."}],
    )
    print(answer.choices[0].message.content)
    print("kept as", session.last_completion_id)
