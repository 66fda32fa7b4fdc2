"""Log10 and AsyncLog10: the typed client of the completions API."""

from __future__ import annotations
