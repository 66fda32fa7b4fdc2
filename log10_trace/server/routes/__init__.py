"""The operations of the API, by subject."""

from __future__ import annotations
