"""How an operation becomes a method of both clients: described once, typed for each.

On a blocking resource ``create = operation(create_completion)`` is a method that returns the result, on an
awaiting one a method that returns a coroutine of it; the arguments and their types are the description's own.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Generic, ParamSpec, TypeVar, overload

from log10_trace.client.drivers import AsyncDriver, AsyncPages, Pages, SyncDriver
from log10_trace.client.operation import Item, Listing, Operation

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class SyncResource:
    """A group of operations of the blocking client."""

    def __init__(self, driver: SyncDriver) -> None:
        self.driver = driver


class AsyncResource:
    """A group of operations of the awaiting client."""

    def __init__(self, driver: AsyncDriver) -> None:
        self.driver = driver


class operation(Generic[Arguments, Result]):  # noqa: N801 -- stands where a decorator stands
    """A method that carries an operation out."""

    def __init__(self, describe: Callable[Arguments, Operation[Result]]) -> None:
        self.describe = describe

    @overload
    def __get__(self, resource: SyncResource, owner: Any) -> Callable[Arguments, Result]: ...
    @overload
    def __get__(
        self, resource: AsyncResource, owner: Any
    ) -> Callable[Arguments, Coroutine[Any, Any, Result]]: ...
    def __get__(self, resource: SyncResource | AsyncResource, owner: Any) -> Callable[Arguments, Any]:
        return _compose(self.describe, resource.driver.run)


class listing(Generic[Arguments, Item]):  # noqa: N801 -- as above
    """A method that gives a list to iterate over."""

    def __init__(self, describe: Callable[Arguments, Listing[Item]]) -> None:
        self.describe = describe

    @overload
    def __get__(self, resource: SyncResource, owner: Any) -> Callable[Arguments, Pages[Item]]: ...
    @overload
    def __get__(self, resource: AsyncResource, owner: Any) -> Callable[Arguments, AsyncPages[Item]]: ...
    def __get__(self, resource: SyncResource | AsyncResource, owner: Any) -> Callable[Arguments, Any]:
        pages: Callable[..., Any] = Pages if isinstance(resource, SyncResource) else AsyncPages
        return _compose(self.describe, functools.partial(pages, resource.driver))


class streaming(Generic[Arguments]):  # noqa: N801 -- as above
    """A method that gives the body of an answer in pieces."""

    def __init__(self, describe: Callable[Arguments, Operation[Any]]) -> None:
        self.describe = describe

    @overload
    def __get__(self, resource: SyncResource, owner: Any) -> Callable[Arguments, Iterator[bytes]]: ...
    @overload
    def __get__(self, resource: AsyncResource, owner: Any) -> Callable[Arguments, AsyncIterator[bytes]]: ...
    def __get__(self, resource: SyncResource | AsyncResource, owner: Any) -> Callable[Arguments, Any]:
        return _compose(self.describe, resource.driver.stream)


def _compose(describe: Callable[Arguments, Any], carry: Callable[[Any], Any]) -> Callable[Arguments, Any]:
    @functools.wraps(describe)
    def method(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
        return carry(describe(*args, **kwargs))

    return method
