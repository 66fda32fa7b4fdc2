"""Everything that can go wrong and is said to the user.

Log10Error
├── ConfigError            a setting that cannot be used
├── MissingExtraError      a part of the package that is not installed
├── SetupError             something on this machine that stops a command: a port in use, a foreign file
└── (the client's own branch, SDKError and its kind, stands below)

A class's docstring is its default message. Messages are whole sentences that name the thing and say what
to do; the command line prints them as they are, without a traceback.
"""

from __future__ import annotations

from typing import Any


class Log10Error(Exception):
    """Something went wrong in log10_trace."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class ConfigError(Log10Error):
    """A setting cannot be used."""

    def __init__(self, key: str, value: Any, reason: str) -> None:
        """Name the setting (``key``), the value it was given, and why that value cannot be used."""
        self.key = key
        self.value = value
        self.reason = reason
        super().__init__(f"{key}={value!r} cannot be used: {reason}.")


class MissingExtraError(Log10Error):
    """A part of the package is not installed."""

    def __init__(self, part: str, extra: str) -> None:
        """Name the missing ``part`` and the ``extra`` of the distribution that brings it."""
        self.extra = extra
        super().__init__(f"{part} needs more than is installed. Type: pip install 'log10-trace[{extra}]'")


class SetupError(Log10Error):
    """Something on this machine stops the command."""
