"""One HTTP request of the SDK and the response to it, as record and replay see them. Pure.

``instrument`` makes exchanges from what passes a client's transport, and serves them again; ``testing`` keeps
them in files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class SentRequest:
    """A request that the SDK is about to send."""

    method: str
    target: str
    """The path below the client's base URL, with the parameters of the query that are no credentials."""
    content_type: str
    body: bytes


@dataclass
class Response:
    """What came back: a response, or the failure of the HTTP library in its place."""

    status: int | None = None
    """The HTTP status; none when no response came."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    """The body in the pieces that the program read."""
    is_whole: bool = False
    """Whether the program read the body to its end."""
    failure: tuple[str, str] | None = None
    """Class and message of the HTTP library's exception that ended the exchange."""

    @property
    def has_ended(self) -> bool:
        """Whether anything is known that can be served: not so of a call that was cancelled."""
        return self.status is not None or self.failure is not None


@dataclass
class Exchange:
    """A request, and the last response to it: retries and redirects replace the ones before."""

    request: SentRequest
    mask: Callable[[bytes], bytes]
    """Bytes without the credentials that the request was sent with; plain words are left, as an API key of a
    local server may be one."""
    mask_failure: Callable[[bytes], bytes]
    """As ``mask``, plain words too: the text of a failure may repeat what was sent."""
    response: Response = field(default_factory=Response)


class Interceptor(Protocol):
    """What decides which requests are served, and is told of those that are sent. Called by any thread."""

    def find(self, exchange: Exchange) -> Response | None:
        """The response to serve; none to send the request, and the exchange gets the response that comes.

        What it raises reaches the program as it is.
        """
        ...

    def on_read_past(self, exchange: Exchange) -> None:
        """The program reads on where the recorded program stopped reading; may raise."""
        ...
