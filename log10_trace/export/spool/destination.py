"""The destination of records, stored beside them, so that they are never sent to another one."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from log10_trace.config import Config


class Destination(NamedTuple):
    """A completions API, and whose records they are there."""

    url: str | None
    """None: this user's own server, wherever it listens."""
    organization_id: str | None
    key: str | None
    """A fingerprint of the token where it alone says whose the records are; none when that is settled
    otherwise, or when the server did not know the token."""


def destination_of(config: Config) -> Destination:
    """Where the records of a program with these settings go."""
    is_told_by_key = config.url is not None and config.organization_id is None
    key = fingerprint(config.token) if is_told_by_key else None
    return Destination(url=config.url, organization_id=config.organization_id, key=key)


def fingerprint(token: str | None) -> str | None:
    """What tells one token from another, and from which none can be had back."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else None
