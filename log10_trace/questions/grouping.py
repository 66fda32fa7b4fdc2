"""What the figures of calls are grouped by. Pure."""

from __future__ import annotations

from typing import Final

from log10_trace.domain.metadata import is_key

GROUPS: Final = ("none", "model", "tag", "call-site", "session", "failure")
METADATA: Final = "metadata."
"""Begins the name of a group by a key of the metadata."""


def parse_group_by(text: str) -> str | None:
    """What to group by, as the API names it; None for other text. ``_`` and ``-`` are the same."""
    if text.startswith(METADATA) and is_key(text.removeprefix(METADATA)):
        return text
    return text.replace("-", "_") if text.replace("_", "-") in GROUPS else None
