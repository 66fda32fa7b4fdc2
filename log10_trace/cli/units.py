"""Spans of time and sizes as people type them: ``30d``, ``12h``, ``5GB``."""

from __future__ import annotations

import re
from typing import Final

import typer

from log10_trace.domain.times import parse_duration_ms

_SIZE: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def span_ms(text: str) -> int:
    """The milliseconds that ``90s``, ``15m``, ``12h``, ``30d`` or ``4w`` stand for."""
    duration_ms = parse_duration_ms(text.strip().lower())
    if duration_ms is None:
        message = f"{text!r} is not a duration; use 90s, 15m, 12h, 30d or 4w."
        raise typer.BadParameter(message)
    return duration_ms


def size_bytes(text: str) -> int:
    """The bytes that ``500MB``, ``5GB`` or ``1048576`` stand for; a KB is 1024 bytes."""
    match = re.fullmatch(r"(\d{1,15})\s*([kmgt]?)i?b?", text.strip().lower(), re.ASCII)
    if match is None:
        message = f"{text!r} is not a size; use 500MB or 5GB."
        raise typer.BadParameter(message)
    return int(match[1]) * _SIZE[match[2]]


def format_bytes(size: int) -> str:
    """A size for people: ``1.5 MB``."""
    amount = float(size)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1024:  # noqa: PLR2004 -- the step between two units
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TB"
