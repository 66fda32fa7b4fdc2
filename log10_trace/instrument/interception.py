"""Calls of the SDK whose HTTP requests are served or observed, for record and replay in tests.

The SDK's own ``request`` runs as ever, with the program's own client. Only the last step is another: while a
call runs in which an interceptor is in force, the transport of the client's HTTP client asks it first.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from log10_trace.instrument.method_patch import MethodPatch

if TYPE_CHECKING:
    from log10_trace.record.exchange import Exchange, Interceptor, Response


class _InterceptionState:
    """What intercepts calls now; none outside of record and replay."""

    interceptor: Interceptor | None = None


state: Final = _InterceptionState()


class RefusedCall(BaseException):
    """Carries an exception of the interceptor through the SDK, which turns an ``Exception`` into its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class InterceptedCall:
    """One call of ``request`` while it runs: a context manager around it."""

    __slots__ = ("before", "client", "exchange", "interceptor", "served")

    def __init__(self, client: Any, interceptor: Interceptor) -> None:
        self.client = client
        self.interceptor = interceptor
        self.exchange: Exchange | None = None
        """What the call asks, once it is known."""
        self.served: Response | None = None
        """The recorded response, which every retry of the call gets."""

    def __enter__(self) -> None:
        self.before = current.get()
        current.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        current.set(self.before)
        if isinstance(error, RefusedCall):
            raise error.error from None


current: Final[ContextVar[InterceptedCall | None]] = ContextVar("log10_trace_intercepted", default=None)


def intercept(wrapped: Callable[..., Any], client: Any) -> Callable[..., Any]:
    """``OpenAI.request``, intercepted."""
    call = _begin(client)

    def request(client: Any, /, *args: Any, **kwargs: Any) -> Any:
        with call:
            return wrapped(client, *args, **kwargs)

    return request


def intercept_async(wrapped: Callable[..., Awaitable[Any]], client: Any) -> Callable[..., Awaitable[Any]]:
    """``AsyncOpenAI.request``, intercepted."""
    call = _begin(client)

    async def request(client: Any, /, *args: Any, **kwargs: Any) -> Any:
        with call:
            return await wrapped(client, *args, **kwargs)

    return request


def _begin(client: Any) -> InterceptedCall:
    from log10_trace.instrument import intercepting_transport  # noqa: PLC0415 -- tests alone need it

    assert state.interceptor is not None  # noqa: S101 -- the wrappers ask before
    intercepting_transport.put_in(client._client)  # noqa: SLF001 -- the SDK has no public name for it
    return InterceptedCall(client, state.interceptor)


def _retry_at_once(wrapped: Any, _client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``_calculate_retry_timeout``: a recorded failure is served again without a delay."""
    call = current.get()
    return 0.0 if call is not None and call.served is not None else wrapped(*args, **kwargs)


@contextmanager
def intercepted_by(interceptor: Interceptor, *, more_clients: Iterable[Any] = ()) -> Iterator[None]:
    """Have ``interceptor`` decide about the calls of this process inside the block.

    The methods of the SDKs must be wrapped. Blocks can be nested; the innermost one decides.

    Args:
        interceptor: Serves or observes the calls.
        more_clients: The class ``BaseClient`` of SDKs beside OpenAI's.
    """
    from log10_trace.instrument import intercepting_transport  # noqa: PLC0415 -- as above

    bases = [importlib.import_module("openai._base_client").BaseClient, *more_clients]
    name = "_calculate_retry_timeout"
    # Without it, a version of the SDK waits before each retry of a served failure.
    patches = [MethodPatch(base, name, _retry_at_once) for base in bases if hasattr(base, name)]
    before, state.interceptor = state.interceptor, interceptor
    for patch in patches:
        patch.wrap()
    try:
        yield
    finally:
        for patch in patches:
            patch.restore()
        state.interceptor = before
        if before is None:
            intercepting_transport.take_out()
