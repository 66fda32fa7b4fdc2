"""The call that a user means: by its id, or the latest."""

from __future__ import annotations

from typing import Final

from log10_trace.client import Log10
from log10_trace.errors import Log10Error

LATEST: Final = "latest"


def resolve_id(client: Log10, wanted: str) -> str:
    """The id that is meant; ``latest`` is that of the newest call.

    Raises:
        Log10Error: there is no call at all.
    """
    if wanted != LATEST:
        return wanted
    for call in client.completions.list(limit=1):
        if call.id:
            return call.id
    message = "There are no calls yet."
    raise Log10Error(message)
