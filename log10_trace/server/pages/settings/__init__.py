"""Keys and settings: who may come in, what is kept, what costs what, how to send the first call."""

from __future__ import annotations
