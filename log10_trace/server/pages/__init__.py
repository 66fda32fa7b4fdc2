"""The pages: HTML made here, read without JavaScript, loading nothing from elsewhere."""

from __future__ import annotations
