"""The session of one request or job: its id, tags and metadata from what the program gives. Never raises."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeGuard, TypeVar

from log10_trace.context import check_tags, session
from log10_trace.domain.metadata import check_metadata
from log10_trace.guard import guard

Source = TypeVar("Source")
"""What tags and metadata are read from: an ASGI scope, a WSGI environ, a task."""

SESSION_HEADER: Final = "X-Session-Id"
_SESSION_ID: Final = re.compile(r"[!-~]{1,128}")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,128}")
_READING_TAGS: Final = guard("reading the tags of a request")
_READING_METADATA: Final = guard("reading the metadata of a request")


def is_session_id(value: Any) -> TypeGuard[str]:
    """Whether a session id from outside is taken: 1 to 128 printable ASCII characters without spaces."""
    return isinstance(value, str) and _SESSION_ID.fullmatch(value) is not None


def check_header_name(argument: str, name: str | None) -> str | None:
    """The name of a header that is read or written; None for none.

    Raises:
        ValueError: it is no name of a header; the message names the argument.
    """
    if name is None or (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
        return name
    raise ValueError(
        f"{argument} is the name of a header, of letters, digits and hyphens, and {name!r} is not"
    )


class RequestSession(Generic[Source]):
    """Makes the ``session()`` of each request from the settings of a middleware."""

    def __init__(
        self,
        tags: Iterable[str] | Callable[[Source], Iterable[str]],
        metadata: Mapping[str, Any] | Callable[[Source], Mapping[str, Any] | None] | None,
    ) -> None:
        for name, given in (("tags", tags), ("metadata", metadata)):
            if inspect.iscoroutinefunction(given):
                raise TypeError(f"{name} is a plain function, and {given!r} is a coroutine function")
        self._tags = tags if callable(tags) else check_tags(tags)
        self._metadata = metadata if metadata is None or callable(metadata) else check_metadata(metadata)

    def make(self, source: Source, session_id: str | None) -> session:
        """The session of one request, still to be entered.

        An id that is none is replaced by a new one. Where a callable raises, or gives what tags and metadata
        cannot be, the fault is counted and the session is without them.
        """
        tags: tuple[str, ...] = ()
        metadata: dict[str, Any] | None = None
        with _READING_TAGS:
            tags = check_tags(self._tags(source)) if callable(self._tags) else self._tags
        with _READING_METADATA:
            given = self._metadata(source) if callable(self._metadata) else self._metadata
            metadata = None if given is None else check_metadata(given)
        return session(tags, id=session_id if is_session_id(session_id) else None, metadata=metadata)
