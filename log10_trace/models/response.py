"""What every response of the API has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx
    import httpx2


@dataclass(frozen=True, kw_only=True)
class Response:
    """What every answer of the API has."""

    status_code: int
    raw_response: httpx.Response | httpx2.Response = field(repr=False)

    @property
    def http_meta(self) -> HTTPMetadata:
        """The request and the response, as the documentation's ``http_meta``."""
        return HTTPMetadata(request=self.raw_response.request, response=self.raw_response)


@dataclass(frozen=True, kw_only=True)
class HTTPMetadata:
    """The HTTP request and response behind an answer."""

    request: httpx.Request | httpx2.Request
    response: httpx.Response | httpx2.Response
