"""An HTTP reply, read to its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status, headers and decompressed body of a reply."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    def json(self) -> Any:
        """Its body as JSON; None when it is none. Integers of more than 18 digits stay text."""
        try:
            return json.loads(self.body, parse_int=_parse_integer)
        except (ValueError, RecursionError):
            return None


def _parse_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= 18 else digits  # noqa: PLR2004 -- Python converts no 5,000 digits
