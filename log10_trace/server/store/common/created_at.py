"""When a record's call began, as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from log10_trace.domain.times import rfc3339


def fill_created_at(fields: Mapping[str, str], began_ms: int) -> Mapping[str, str]:
    """The fields, with the ``created_at`` that the record's place in lists tells when they have none.

    A record that was made without one stands where it arrived (or where the time in its UUIDv7 is), and
    keeps that place whatever comes later.
    """
    if fields.get("created_at", "null") != "null":
        return fields
    return {**fields, "created_at": f'"{rfc3339(began_ms)}"'}
