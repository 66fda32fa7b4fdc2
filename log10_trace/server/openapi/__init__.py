"""The OpenAPI document of the API, built from the table of operations and served as it is."""

from __future__ import annotations

from log10_trace.server.openapi.document import build_document

__all__ = ["build_document"]
