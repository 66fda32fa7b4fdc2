"""Authentication: API keys, session cookies and one-time login codes."""

from __future__ import annotations
