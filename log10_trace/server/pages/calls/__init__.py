"""The Calls page: the list of calls with its filters and figures."""

from __future__ import annotations
