"""Numbered questions, and how the numbers are found again in whatever a library made of them."""

from __future__ import annotations

import re
from typing import Any, Final

WARM_UP: Final = 1000
"""Calls numbered from here on are not counted."""
ANSWER: Final = "r{}r "
"""How the model begins its answer to the question of this number."""
ASKED: Final = re.compile(rb"q([0-9]+)q")
ANSWERED: Final = re.compile(rb"r([0-9]+)r")


def small(number: int) -> list[Any]:
    """Messages of about 1 KB; the model answers with as much."""
    return [{"role": "user", "content": "Why is the sky blue? " * 50 + f"q{number}q"}]


def large(number: int) -> list[Any]:
    """A hundred messages, 1 MB together."""
    roles = ("user", "assistant")
    history = [{"role": roles[turn % 2], "content": f"turn {turn} " + "word " * 2_000} for turn in range(99)]
    return [*history, {"role": "user", "content": "word " * 2_000 + f"q{number}q"}]
