"""SQL from files: blocks that begin with ``-- :name``, by that name."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"^-- :(\w+)\n", re.MULTILINE)


def read_blocks(text: str) -> dict[str, str]:
    """The statements of a file's text, by name."""
    _, *parts = _NAME.split(text)
    return {name: block.strip().rstrip(";") for name, block in zip(parts[::2], parts[1::2], strict=True)}
