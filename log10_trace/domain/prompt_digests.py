"""A short name for the whole text of a request, which finds the calls that asked the same. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

_BYTES: Final = 8
_BETWEEN: Final = "\0"
"""Stands in no text that ``text_extraction`` gives."""


def digest_prompt(texts: Sequence[str]) -> str | None:
    """The digest of a request's ``text_extraction.request_texts``; None for a request without text.

    Fixed for good: stores keep it, and look for it.
    """
    said = _BETWEEN.join(texts)
    if not said.strip(_BETWEEN):
        return None
    return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=_BYTES).hexdigest()
