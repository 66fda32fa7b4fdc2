"""When a record's call began, as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone


def rfc3339(ms: int) -> str:
    """Milliseconds since 1970 as ``2026-01-31T12:00:00.000Z``."""
    moment = datetime.fromtimestamp(ms / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_created_at(fields: Mapping[str, str], began_ms: int) -> Mapping[str, str]:
    """The fields, with the ``created_at`` that the record's place in lists tells when they have none.

    A record that was made without one stands where it arrived (or where the time in its UUIDv7 is), and
    keeps that place whatever comes later.
    """
    if fields.get("created_at", "null") != "null":
        return fields
    return {**fields, "created_at": f'"{rfc3339(began_ms)}"'}
