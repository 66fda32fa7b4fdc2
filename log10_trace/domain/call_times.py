"""When a call began and how long it took, from the fields of any record. Pure."""

from __future__ import annotations

from typing import Any

from log10_trace.domain.completion_record import MAX_DURATION
from log10_trace.domain.ids import id_time_ms
from log10_trace.domain.json_values import read_text
from log10_trace.domain.times import LAST_MS, parse_rfc3339_ms


def read_began_ms(completion_id: str, created_at: Any) -> int | None:
    """The start of a call by its record, else when its UUIDv7 was made; None for what is no date."""
    stated_ms = parse_rfc3339_ms(read_text(created_at))
    if stated_ms is not None:
        return stated_ms
    made_ms = id_time_ms(completion_id)
    return made_ms if made_ms is not None and made_ms <= LAST_MS else None


def read_seconds(value: Any) -> float | None:
    """A length of time that the API would take as a duration, or None: it is not negative, nor infinite."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Compared, not converted: an integer may be too large for a float.
    return float(value) if is_number and 0 <= value <= MAX_DURATION else None
