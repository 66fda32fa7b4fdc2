"""Context of one authenticated request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from log10_trace.domain.json_slices import RecordFormatError, decode, split_members
from log10_trace.domain.path_segments import read_segment
from log10_trace.server.authentication.auth import Authenticator, Principal
from log10_trace.server.authentication.login_codes import LoginCodes
from log10_trace.server.http import body
from log10_trace.server.http.api_errors import ApiError, from_format_error
from log10_trace.server.http.change_feed import ChangeFeed
from log10_trace.server.http.forwarded import ROOT_PATH
from log10_trace.server.http.gathered_writes import GatheredWrites
from log10_trace.server.http.limits import InFlightBytes, Limits, RateLimiter
from log10_trace.server.http.metrics import Metrics
from log10_trace.server.http.read_threads import ReadThreads
from log10_trace.server.http.shared_reads import SharedReads
from log10_trace.server.store.protocol import Store
from log10_trace.server.validation.schema_validator import SchemaValidator

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """What all routes share."""

    store: Store
    writes: GatheredWrites
    authenticator: Authenticator
    limits: Limits
    metrics: Metrics
    rates: RateLimiter
    in_flight: InFlightBytes
    codes: LoginCodes
    validator: SchemaValidator
    read_threads: ReadThreads
    feed: ChangeFeed
    shared_reads: SharedReads
    document: bytes
    """The OpenAPI document."""


@dataclass(slots=True)
class RequestContext:
    """One authenticated request."""

    request: Request
    service: AppState
    principal: Principal
    reserved_bytes: int = 0
    """Bytes of bodies in flight; the creator of the context releases them."""
    feed_position: str = field(init=False)
    """Where a stream of changes begins that misses nothing which this request does not read."""

    def __post_init__(self) -> None:
        self.feed_position = self.service.feed.position

    @property
    def store(self) -> Store:
        """Where records are kept."""
        return self.service.store

    @property
    def organization_id(self) -> str:
        """Whose records this request may see."""
        return self.principal.organization_id

    @property
    def root_path(self) -> str:
        """What stands before the path of every page, in links, redirects and cookies."""
        return str(self.request.scope.get(ROOT_PATH, ""))

    @property
    def is_legacy_client(self) -> bool:
        """Whether the original Python client asks; it expects lists under ``data``."""
        return "x-log10-organization-id" in self.request.headers

    def path_name(self, parameter: str = "id") -> str:
        """The id, or other name that users choose, which the path has at this parameter."""
        return read_segment(self.request.path_params[parameter])

    async def read(self, read: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        """Call ``read`` on one of the threads for reading.

        Raises:
            ApiError: 503, when too many reads of this key wait.
        """
        return await self.service.read_threads.run(self.principal.key_id, read, *args, **kwargs)

    async def read_pieces(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces, each made on one of the threads for reading.

        The first is made before this returns, so that a store that cannot answer gives an error.

        Raises:
            ApiError: 503, when too many reads of this key wait.
        """
        first = await self.read(next, pieces, None)

        async def rest() -> AsyncIterator[bytes]:
            piece = first
            while piece is not None:
                yield piece
                piece = await self.read(next, pieces, None)

        return rest()

    def reserve(self, size: int) -> None:
        """Count ``size`` more bytes as in flight.

        Raises:
            ApiError: 503, when too many bytes are in flight.
        """
        self.service.in_flight.reserve(size)
        self.reserved_bytes += size

    async def body(self, most: int) -> bytes:
        """The request's body, decompressed; ``most`` bounds it after decompression too, except records.

        Raises:
            ApiError: it is larger than ``most`` bytes, inflates to more than the limits allow, or is broken.
        """
        raw = await body.read(self.request, most, self.reserve)
        encoding = self.request.headers.get("content-encoding", "")
        limits = self.service.limits
        inflated = await body.inflate(
            raw, encoding, most if most <= limits.form_bytes else limits.inflated_bytes
        )
        if inflated is not raw:
            self.reserve(len(inflated))
        return inflated

    def check_organization(self, named: Any) -> None:
        """Refuse a request that names another organization than its key is for; it need not name one."""
        if named not in (None, "", self.principal.organization_id):
            self.principal.refuse_organization()

    async def json_object(
        self, *, optional: bool = False, most: int | None = None
    ) -> dict[str, tuple[str, Any]]:
        """The body, a JSON object of at most ``most`` bytes: each member's exact text and its value.

        Raises:
            ApiError: it is something else, or names another organization.
        """
        raw = await self.body(most or self.service.limits.form_bytes)
        if optional and not raw.strip():
            return {}
        self.require_json_content_type()
        return self.parse_object(raw)

    def parse_object(self, raw: bytes) -> dict[str, tuple[str, Any]]:
        """The members of a JSON object in UTF-8, as ``json_object`` gives them.

        Raises:
            ApiError: it is something else, or names another organization.
        """
        try:
            members = split_members(decode(raw), max_depth=self.service.limits.depth)
        except RecordFormatError as error:
            raise from_format_error(error) from None
        self.check_organization(members.get("organization_id", ("", None))[1])
        return members

    def require_json_content_type(self) -> None:
        """Reject a body without the Content-Type of JSON: a form of another site cannot send it."""
        declared = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "application/json":
            message = "The Content-Type must be application/json."
            raise ApiError(415, "not_json", message, field="Content-Type")


Handler = Callable[[RequestContext], Awaitable[Response]]
