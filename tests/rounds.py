"""How often a test does the same: enough for every run, more where ``LOG10_TEST_THOROUGH`` is set."""

from __future__ import annotations

import os
from typing import Final

IS_THOROUGH: Final = bool(os.environ.get("LOG10_TEST_THOROUGH"))


def rounds(usual: int, *, thorough: int) -> int:
    """How many rounds, rows or examples: ``usual``, or ``thorough`` where that was asked for."""
    return thorough if IS_THOROUGH else usual
