"""guidance's models and programs."""

from __future__ import annotations

from guidance import assistant, gen, models, user


def plain() -> None:
    lm = models.OpenAI("gpt-4o-mini", echo=False)
    with user():
        lm += "hi"
    with assistant():
        lm += gen("answer", max_tokens=5)  # here
    assert lm["answer"]
