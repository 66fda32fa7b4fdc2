"""Redaction: the model gets the whole text, the record has marks where personal data stood.

OPENAI_API_KEY=... python examples/redaction.py
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from openai import OpenAI

import log10_trace
from log10_trace import redact

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")


def hash_user(completion: log10_trace.Completion) -> log10_trace.Completion:
    """A redactor of your own: the user's id becomes a hash, by which a user's calls are still found."""
    user = getattr(completion.request, "user", None)
    if completion.request is not None and isinstance(user, str):
        completion.request.user = hashlib.sha256(user.encode()).hexdigest()[:12]
    return completion


log10_trace.patch(
    tags=["redaction"],
    redact=redact.chain(
        redact.patterns(),  # e-mail addresses, card and telephone numbers, API keys
        redact.patterns(r"CUST-\d{6}", replacement="[customer]"),
        redact.fields("address"),  # whatever stands under this name, at any depth
        hash_user,
    ),
)

mail = "Please send order CUST-204174 to ada@example.org, or call +49 170 1234567."
with log10_trace.session() as session:
    answer = OpenAI().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": f"Summarize: {mail}"}], user="ada"
    )
print("the program reads:", answer.choices[0].message.content)

log10_trace.flush()
with log10_trace.Log10() as client:
    stored: Any = client.completions.get(completion_id=session.last_completion_id or "").completion.request
print("stored is:", stored.messages[0].content, "by", stored.user)
print("records that a failing redactor left without words:", log10_trace.stats().withheld)
