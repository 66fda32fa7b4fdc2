"""The vocabulary of the completions API, as pydantic models.

``components`` holds the records and what they are made of, ``operations`` the requests and responses of the
API's operations, ``errors`` what an operation raises.
"""

from __future__ import annotations

from log10_trace import errors
from log10_trace.models import components, operations

__all__ = ["components", "errors", "operations"]
