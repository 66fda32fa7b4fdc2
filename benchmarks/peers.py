"""What Phoenix and MLflow store a second on the same machine, where they are installed."""

from __future__ import annotations

from pathlib import Path


def measure_peers(folder: Path) -> None:
    """Print it."""
