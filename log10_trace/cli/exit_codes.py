"""Exit codes of commands, and the mapping of errors to them.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed: what was asked for is not there, a file cannot be read, the server had a fault |
| 2 | usage error: an option, a date or a filter that cannot be parsed |
| 3 | unreachable: no server responds |
| 4 | rejected: the server rejected the key or the request |
| 130 | stopped with Ctrl-C |
"""

from __future__ import annotations

from typing import Final

from log10_trace import errors

DONE: Final = 0
FAILED: Final = 1
NOT_UNDERSTOOD: Final = 2
UNREACHABLE: Final = 3
REFUSED: Final = 4
INTERRUPTED: Final = 130

_CODES: Final[tuple[tuple[type[errors.Log10Error], int], ...]] = (
    (errors.ConfigError, NOT_UNDERSTOOD),
    (errors.ArgumentError, NOT_UNDERSTOOD),
    (errors.APIConnectionError, UNREACHABLE),
    (errors.NotFoundError, FAILED),
    (errors.ServerError, FAILED),
    (errors.SDKError, REFUSED),
)


def exit_code_for(error: errors.Log10Error) -> int:
    """The exit code for an error: that of the first row whose class it belongs to."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
