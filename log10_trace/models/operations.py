"""What the operations of the completions API answer with."""

from __future__ import annotations

__all__: list[str] = []
