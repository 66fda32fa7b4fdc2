"""The completions API: routes, store and pages."""

from __future__ import annotations
