"""Typed access to JSON whose form nothing guarantees: a value of another type reads as an empty one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def read_list(value: Any) -> list[Any]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def read_text(value: Any) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""
