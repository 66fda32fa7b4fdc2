"""What to type after an error, where its message does not say it."""

from __future__ import annotations

import re
from typing import Final

from log10_trace import errors

_NO_SUCH: Final = re.compile(r"There is no such (\w+)\.")
_LISTS: Final = {
    "completion": "log10-trace ls",
    "session": "log10-trace sessions list",
    "feedback": "log10-trace feedback list",
    "task": "log10-trace feedback-task list",
}
"""What lists the things that a server says it has not, by its word for them."""
_UNAUTHORIZED: Final = 401


def describe_next_step(error: errors.Log10Error) -> str:
    """A sentence that names the command or the option to go on with; empty where none helps."""
    if isinstance(error, errors.NotFoundError):
        named = _NO_SUCH.fullmatch(error.message)
        command = _LISTS.get(named[1]) if named else None
        return f"See what there is: {command}" if command else ""
    if isinstance(error, errors.AuthenticationError):
        if error.status_code == _UNAUTHORIZED:
            return "Name another with --token or LOG10_TOKEN, or make one: log10-trace keys create"
        return "See what the keys may do: log10-trace keys list"
    if isinstance(error, errors.APITimeoutError | errors.ServerError):
        return "Look why: log10-trace doctor"
    return ""
