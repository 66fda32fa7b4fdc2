"""The Overview page: figures, charts and tables of a span of time, beside the span before."""

from __future__ import annotations
