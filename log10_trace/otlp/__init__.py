"""Completions as OpenTelemetry spans: the attributes, their encoding, and how an endpoint is named. Pure.

Only ``encoding`` imports OpenTelemetry, which the extra ``otel`` brings. What sends spans is in
``export.delivery``.
"""

from __future__ import annotations
