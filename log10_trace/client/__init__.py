"""Log10 and AsyncLog10: the typed client of the completions API.

An operation of the API is described once, as a pure pair: the request it makes, and how its answer is read
(``operation``). Two thin drivers carry it over the wire, one blocking, one awaiting (``drivers``).
"""

from __future__ import annotations

from log10_trace.client.log10 import AsyncLog10, Log10
from log10_trace.client.retry import Retry

__all__ = ["AsyncLog10", "Log10", "Retry"]
