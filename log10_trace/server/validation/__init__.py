"""Validation of JSON Schemas, and of values against them."""

from __future__ import annotations
