"""The HTTP front: middleware, routing, request bodies, responses, errors and limits."""

from __future__ import annotations
