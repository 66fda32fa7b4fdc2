"""The store on SQLite: one file, one writer thread, readers beside it."""

from __future__ import annotations
