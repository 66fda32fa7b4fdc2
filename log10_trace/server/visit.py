"""One request on its way through a route: what was asked, by whom, and of which server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from log10_trace.server import body
from log10_trace.server.auth import Access, Gate
from log10_trace.server.examiner import Examiner
from log10_trace.server.forwarded import ROOT_PATH
from log10_trace.server.json_text import RefusedError, decode, split
from log10_trace.server.limits import InFlight, Limits, Rates
from log10_trace.server.login_codes import LoginCodes
from log10_trace.server.metrics import Metrics
from log10_trace.server.read_threads import ReadThreads
from log10_trace.server.refusal import Refusal, of_text
from log10_trace.server.store.protocol import Store

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What all routes share."""

    store: Store
    gate: Gate
    limits: Limits
    metrics: Metrics
    rates: Rates
    in_flight: InFlight
    codes: LoginCodes
    examiner: Examiner
    read_threads: ReadThreads
    document: bytes
    """The OpenAPI document."""


@dataclass(slots=True)
class Visit:
    """One request of somebody whose key was found good."""

    request: Request
    service: Service
    access: Access
    held: int = 0
    """Bytes of bodies in hand; whoever made the visit releases them."""

    @property
    def store(self) -> Store:
        """Where records are kept."""
        return self.service.store

    @property
    def organization_id(self) -> str:
        """Whose records this request may see."""
        return self.access.organization_id

    @property
    def root_path(self) -> str:
        """What stands before the path of every page, in links, redirects and cookies."""
        return str(self.request.scope.get(ROOT_PATH, ""))

    @property
    def is_original_python(self) -> bool:
        """Whether the original Python client asks; it expects lists under ``data``."""
        return "x-log10-organization-id" in self.request.headers

    async def read(self, read: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        """Call ``read`` on one of the threads for reading.

        Raises:
            Refusal: 503, when too many reads of this key wait.
        """
        return await self.service.read_threads.run(self.access.key_id, read, *args, **kwargs)

    async def read_pieces(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces, each made on one of the threads for reading.

        The first is made before this returns, so that a store that cannot answer gives a refusal.

        Raises:
            Refusal: 503, when too many reads of this key wait.
        """
        first = await self.read(next, pieces, None)

        async def rest() -> AsyncIterator[bytes]:
            piece = first
            while piece is not None:
                yield piece
                piece = await self.read(next, pieces, None)

        return rest()

    def hold(self, size: int) -> None:
        """Count ``size`` more bytes as in hand.

        Raises:
            Refusal: 503, when the server has too much in hand.
        """
        self.service.in_flight.take(size)
        self.held += size

    async def body(self, most: int) -> bytes:
        """The request's body, inflated. What is no record may not grow beyond ``most`` by inflating, either.

        Raises:
            Refusal: it is larger than ``most`` bytes, inflates to more than the limits allow, or is broken.
        """
        raw = await body.read(self.request, most, self.hold)
        encoding = self.request.headers.get("content-encoding", "")
        limits = self.service.limits
        inflated = await body.inflate(
            raw, encoding, most if most <= limits.form_bytes else limits.inflated_bytes
        )
        if inflated is not raw:
            self.hold(len(inflated))
        return inflated

    def check_organization(self, named: Any) -> None:
        """Refuse a request that names another organization than its key is for; it need not name one."""
        if named not in (None, "", self.access.organization_id):
            self.access.refuse_organization()

    async def members(self, *, optional: bool = False, most: int | None = None) -> dict[str, tuple[str, Any]]:
        """The body, a JSON object of at most ``most`` bytes: each member's exact text and its value.

        Raises:
            Refusal: it is something else, or names another organization.
        """
        raw = await self.body(most or self.service.limits.form_bytes)
        if optional and not raw.strip():
            return {}
        self.check_json()
        try:
            members = split(decode(raw), max_depth=self.service.limits.depth)
        except RefusedError as error:
            raise of_text(error) from None
        self.check_organization(members.get("organization_id", ("", None))[1])
        return members

    def check_json(self) -> None:
        """Refuse a body that does not say it is JSON: a form of another site cannot say so."""
        declared = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "application/json":
            message = "The body must be JSON and say so: Content-Type: application/json."
            raise Refusal(415, "not_json", message, field="Content-Type")


Handler = Callable[[Visit], Awaitable[Response]]
