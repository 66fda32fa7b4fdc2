"""What the operation on keys answers with."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.models.base import Model
from log10_trace.models.response import Response


class Key(Model):
    """An API key as the server describes it, without its secret."""

    id: str
    name: str
    organization_id: str
    """Organization whose records the key is for."""
    scopes: list[str]
    """What the key may do: ``ingest``, ``read``, ``feedback``, ``admin``."""
    created_at: str
    """UTC, RFC 3339."""
    expires_at: str | None = None
    """UTC, RFC 3339; none for a key that does not expire."""


@dataclass(frozen=True, kw_only=True)
class GetKeyResponse(Response):
    """The key that was presented."""

    key: Key
