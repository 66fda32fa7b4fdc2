"""Exceptions that users see.

Log10Error
├── ConfigError            a setting that cannot be used
├── MissingExtraError      a part of the package that is not installed
├── ArgumentError          an argument that the client cannot send
├── SetupError             something on this machine that stops a command: a port in use, a foreign file
├── RecordingError         a file of recorded calls that cannot be used
├── UnrecordedCallError    a test makes a call that its recording has not
├── SDKError               the completions API answered with 4xx or 5xx
│   ├── AuthenticationError    401, 403: no key, a wrong one, or one that may not do this
│   ├── NotFoundError          404
│   ├── ConflictError          409
│   ├── ValidationError        400, 413, 422: the API cannot use what was sent
│   ├── RateLimitError         429
│   └── ServerError            5xx
└── APIConnectionError     the completions API cannot be reached
    └── APITimeoutError        it did not answer in time

A class's docstring is its default message. Messages are whole sentences that name the thing and say what
to do; the command line prints them as they are, without a traceback.
"""

from __future__ import annotations

from pathlib import Path
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx
    import httpx2


_UNSHOWN: Final = frozenset(("message", "raw_response", "headers"))
"""What an exception holds and its ``repr`` leaves out: said already, or too long and possibly secret."""

_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def describe_exception(error: Exception) -> str:
    """The ``repr`` of an exception: its class, its message and what it holds, long values shortened."""
    held = {name: value for name, value in vars(error).items() if name not in _UNSHOWN and name[0] != "_"}
    shown = [repr(str(error)), *(f"{name}={_SHORT.repr(value)}" for name, value in held.items())]
    return f"{type(error).__name__}({', '.join(shown)})"


class Log10Error(Exception):
    """Something went wrong in log10_trace."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)

    def __repr__(self) -> str:
        return describe_exception(self)


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
        self.part = part
        self.extra = extra
        super().__init__(f"{part} needs an optional dependency. Run: pip install 'log10-trace[{extra}]'")


class ArgumentError(Log10Error, ValueError):
    """An argument cannot be sent to the completions API."""


class SetupError(Log10Error):
    """Something on this machine stops the command."""


class RecordingError(Log10Error):
    """A file of recorded calls cannot be used."""

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        """Name the file, the ``line`` (1 is the first) where there is one, and what is wrong there."""
        self.path = path
        self.line = line
        self.reason = reason
        where = str(path) if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {reason}")


class UnrecordedCallError(Log10Error):
    """A call was made that the recording does not have."""


class SDKError(Log10Error):
    """The completions API refused a request or failed to answer it."""

    def __init__(
        self, message: str, *, status_code: int, body: str, raw_response: httpx.Response | httpx2.Response
    ) -> None:
        """Keep the answer: its status, its ``body`` as text, the ``raw_response`` itself."""
        self.message = message
        self.status_code = status_code
        self.body = body
        self.raw_response = raw_response
        super().__init__(message)


class AuthenticationError(SDKError):
    """The completions API rejected the API key, or the key lacks the scope."""


class NotFoundError(SDKError):
    """The completions API has no such thing."""


class ConflictError(SDKError):
    """What was sent contradicts what the completions API has."""


class ValidationError(SDKError):
    """The completions API cannot use what was sent."""


class RateLimitError(SDKError):
    """Rate limit of the completions API exceeded."""


class ServerError(SDKError):
    """The completions API failed with an internal error."""


class APIConnectionError(Log10Error):
    """The completions API cannot be reached. The cause is kept as ``__cause__``."""


class APITimeoutError(APIConnectionError):
    """The completions API did not answer in time."""
