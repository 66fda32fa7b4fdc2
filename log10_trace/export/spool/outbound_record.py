"""A record as the spool gives it out for delivery."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class OutboundRecord:
    """One record, ready to be sent."""

    id: str
    body: bytes
    """The Completion as JSON on one line; empty when the spool's entry could not be read."""
    update: bool = False
    """Whether the server may know an earlier state of it."""
