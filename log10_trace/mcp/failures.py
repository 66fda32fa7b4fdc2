"""Errors as an agent reads them: one sentence that says what went wrong and what to do."""

from __future__ import annotations

from typing import Final

from log10_trace import errors
from log10_trace.domain.hidden_characters import escape_hidden_characters
from log10_trace.questions.references import AmbiguousReferenceError

_MAX_CHARACTERS: Final = 1_000
_UNAUTHORIZED: Final = 401


def describe_error(error: errors.Log10Error) -> str:
    """The error's own sentence, and what to do where it does not say it."""
    if isinstance(error, AmbiguousReferenceError):
        ids = ", ".join(call.id or "" for call in error.candidates)
        said = f"{error} {ids}"
    else:
        said = " ".join(filter(None, (str(error), _describe_remedy(error))))
    shown = escape_hidden_characters(" ".join(said.split()))
    return shown if len(shown) <= _MAX_CHARACTERS else f"{shown[:_MAX_CHARACTERS]}..."


def _describe_remedy(error: errors.Log10Error) -> str:
    if isinstance(error, errors.AuthenticationError):
        if error.status_code == _UNAUTHORIZED:
            return (
                "The MCP server takes its key from LOG10_TOKEN or --token. Make one: "
                "log10-trace keys create --scope read"
            )
        return "Make a key that may read: log10-trace keys create --scope read"
    if isinstance(error, errors.NotFoundError):
        return "search_calls lists the calls there are."
    if isinstance(error, errors.APITimeoutError | errors.ServerError):
        return "log10-trace doctor says why."
    return ""
