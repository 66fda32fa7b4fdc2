"""Labels: short texts that become keys, headers and lines of a log. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeGuard

MAX_LABEL: Final = 512
"""Characters of a label."""
MAX_TAGS: Final = 1_000
"""Tags of a record."""

_SHOWN: Final = 128
_LABEL: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_NO_LABEL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


def is_label(value: Any, *, min_chars: int = 0, max_chars: int | None = MAX_LABEL) -> TypeGuard[str]:
    """Whether a value is text of that length without control characters and lone surrogates.

    Args:
        value: Anything.
        min_chars: The fewest characters.
        max_chars: The most characters; None for any number.
    """
    if not isinstance(value, str) or len(value) < min_chars:
        return False
    return (max_chars is None or len(value) <= max_chars) and _LABEL.fullmatch(value) is not None


def check_label(what: str, label: str) -> str:
    """The label, which servers take.

    Raises:
        ValueError: it is none; the message says ``what`` it is, such as ``"a tag"``, and its beginning.
    """
    if not is_label(label):
        raise ValueError(
            f"{what} has at most {MAX_LABEL} characters, none of them a control character or a lone "
            f"surrogate, and {shorten(label)} ({len(label)} characters) is given"
        )
    return label


def unite_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in order, each once.

    Raises:
        ValueError: there are more than a record takes.
    """
    united = tuple(dict.fromkeys(tags))
    if len(united) > MAX_TAGS:
        raise ValueError(f"a record has at most {MAX_TAGS} tags, and {len(united)} are given")
    return united


def make_label(text: str) -> str:
    """The text as a label: a space in the place of what no label has, and its first 512 characters."""
    return text if is_label(text) else _NO_LABEL.sub(" ", text)[:MAX_LABEL]


def shorten(value: Any) -> str:
    """The beginning of a value as Python writes it, for a message."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
