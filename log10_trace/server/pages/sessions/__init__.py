"""The Sessions page, and the page of one session."""

from __future__ import annotations
