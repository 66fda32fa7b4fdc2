"""A completions API that records are sent to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Server(NamedTuple):
    """A completions API and what it asks for."""

    url: str
    token: str | None = None
    organization_id: str | None = None
    ca_file: Path | None = None
    """The certificates that its own is verified with; without it, the usual ones."""
