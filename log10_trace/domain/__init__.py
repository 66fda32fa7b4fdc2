"""Knowledge about completions that several rooms share; pure."""

from __future__ import annotations
