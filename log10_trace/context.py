"""``session()`` and ``tags()``: what the calls made inside them are labelled with.

Context variables and nothing else: no threads, no clock, no I/O.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from log10_trace.domain.labels import MAX_TAGS, check_label, unite_tags
from log10_trace.domain.metadata import check_metadata, merge_metadata

if TYPE_CHECKING:
    from typing_extensions import Self

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Session:
    """One ``session()`` while it is open: its ``id``, and the id of the last completion recorded in it."""

    __slots__ = ("id", "last_completion_id")

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.last_completion_id: str | None = None


class Scope:
    """The tags, metadata and session in force, and the scope outside, which comes back when this one ends.

    ``opened`` is the stack that opened it, and whether an event loop ran on that thread; ``submitted`` is the
    stack that started the thread it is in force in. Stacks are JSON, as a record has them; none where it is
    not known.
    """

    __slots__ = ("metadata", "opened", "outer", "session", "submitted", "tags")

    def __init__(
        self,
        tags: tuple[str, ...],
        session: Session | None,
        outer: Scope | None,
        opened: tuple[bytes, bool] | None = None,
        submitted: bytes | None = None,
        *,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.tags = tags
        self.session = session
        self.outer = outer
        self.opened = opened
        self.submitted = submitted
        self.metadata = metadata

    def hand_over(self, submitted: bytes | None) -> Scope:
        """The same labels, for a thread that ``submitted`` starts."""
        opened = None if self.opened is None else (self.opened[0], False)
        return Scope(self.tags, self.session, None, opened, submitted, metadata=self.metadata)


_NOTHING = Scope((), None, None)
_scope: ContextVar[Scope] = ContextVar("log10_trace_scope", default=_NOTHING)


def current() -> Scope:
    """The scope in force here and now."""
    return _scope.get()


def set_current(scope: Scope) -> Scope:
    """Put ``scope`` in force here; the one that was in force before, to be set again behind it."""
    before = _scope.get()
    _scope.set(scope)
    return before


class _Opener:
    """Who reads the stack that opens a scope; none while no call is recorded."""

    read_stack: Callable[[FrameType], tuple[bytes, bool] | None] | None = None


opener = _Opener()


def _stack_that_opens(outer: Scope) -> tuple[bytes, bool] | None:
    read_stack = opener.read_stack
    if read_stack is None:
        return outer.opened
    # From the caller of the method of this module that the caller of this one serves.
    return read_stack(sys._getframe(2)) or outer.opened  # noqa: SLF001 -- inspect's way is a hundred times slower


def merge_tags(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Both, in order, without duplicates, as far as a record takes them."""
    if not first or not second:
        return first or second
    return tuple(dict.fromkeys(first + second))[:MAX_TAGS]


class _ProcessSession:
    """The session of everything outside any ``session()``: one for each process, forked children included."""

    def __init__(self) -> None:
        self.session = Session(str(uuid.uuid4()))
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.session = Session(str(uuid.uuid4()))


_process = _ProcessSession()


def process_session() -> Session:
    """The process's own session, in force outside any other."""
    return _process.session


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in order, each once.

    Raises:
        TypeError: they are one string, or a tag is no string.
        ValueError: a tag has more than 512 characters, a control character or a lone surrogate, or there are
            more than 1,000.
    """
    if isinstance(tags, str):
        raise TypeError(f"tags are a list of strings, and {tags!r} is one string")
    tags = tuple(tags)
    for tag in tags:
        if not isinstance(tag, str):
            raise TypeError(f"a tag is a string, and {tag!r} is {type(tag).__name__}")
        check_label("a tag", tag)
    return unite_tags(tags)


class _ScopeBase:
    """What ``session`` and ``tags`` share: ``with``, ``async with`` and decorator.

    Nothing about an entry is kept on the object, so one object serves any number of tasks and threads.
    """

    __slots__ = ("_metadata", "_tags")

    def __init__(self, tags: tuple[str, ...], metadata: Mapping[str, Any] | None) -> None:
        self._tags = tags
        self._metadata = None if metadata is None else check_metadata(metadata)

    def _inside(self, outer: Scope) -> Scope:
        """The scope that holds inside, made anew at every entry."""
        tags = merge_tags(outer.tags, self._tags)
        metadata = merge_metadata(outer.metadata, self._metadata)
        return Scope(tags, outer.session, outer, _stack_that_opens(outer), outer.submitted, metadata=metadata)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The scope outside is set again rather than a token reset: a generator may be finalized in another
        # context than the one it was entered in, where a token is refused.
        _scope.set(_scope.get().outer or _NOTHING)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _enter(self) -> Scope:
        scope = self._inside(_scope.get())
        _scope.set(scope)
        return scope

    def __call__(self, function: Decorated) -> Decorated:
        """The same function, with these tags or this session in force while its body runs."""
        if inspect.isasyncgenfunction(function):
            return cast("Decorated", self._around_async_generator(function))
        if inspect.isgeneratorfunction(function):
            return cast("Decorated", self._around_generator(function))
        if inspect.iscoroutinefunction(function):
            return cast("Decorated", self._around_coroutine(function))
        return cast("Decorated", self._around(function))

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self._enter()
            try:
                return function(*args, **kwargs)
            finally:
                self.__exit__(None, None, None)

        return wrapper

    def _around_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            self._enter()
            try:
                return await function(*args, **kwargs)
            finally:
                self.__exit__(None, None, None)

        return wrapper

    def _around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            body = function(*args, **kwargs)
            inside = GeneratorScope(self._inside(_scope.get()))
            step, given = body.send, None
            try:
                while True:
                    with inside:
                        item = step(given)
                    try:
                        given = yield item
                        step = body.send
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 -- handed to the body, as `yield from`
                        step, given = body.throw, error
            except StopIteration as end:
                return end.value
            finally:
                with inside:
                    body.close()

        return wrapper

    def _around_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            body = function(*args, **kwargs)
            inside = GeneratorScope(self._inside(_scope.get()))
            step, given = body.asend, None
            try:
                while True:
                    with inside:
                        item = await step(given)
                    try:
                        given = yield item
                        step = body.asend
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 -- handed to the body
                        step, given = body.athrow, error
            except StopAsyncIteration:
                return
            finally:
                with inside:
                    await body.aclose()

        return wrapper


class GeneratorScope:
    """The scope of a generator's body: in force while the body runs, put away at a ``yield``."""

    __slots__ = ("_body", "_caller")

    def __init__(self, scope: Scope) -> None:
        self._body = scope
        self._caller = _NOTHING

    def __enter__(self) -> None:
        self._caller = _scope.get()
        _scope.set(self._body)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._body = _scope.get()
        _scope.set(self._caller)


class tags(_ScopeBase):  # noqa: N801 -- reads as a word of the language: with tags("summarize"):
    """Label every call made inside, whether used as ``with``, ``async with`` or as a decorator.

    In a generator, plain or asynchronous, use the decorator: ``with`` around a ``yield`` also labels what the
    reader of the generator does between two items, since Python runs the body in the reader's context.

    Args:
        labels: The tags.
        metadata: A flat map from names to strings, numbers and booleans, such as ``{"user_id": 42}``; inside
            another one the inner value of a name holds.

    Raises:
        TypeError: a tag is not a string, or metadata is no such map; the message names it.
        ValueError: a label has more than 512 characters, a control character or a lone surrogate, a name or a
            value of the metadata is too long, or there are too many.
    """

    __slots__ = ()

    def __init__(self, *labels: str, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(check_tags(labels), metadata)

    def __enter__(self) -> Self:
        self._enter()
        return self

    async def __aenter__(self) -> Self:
        return self.__enter__()


class session(_ScopeBase):  # noqa: N801 -- as above
    """Join every call made inside under one session id, with ``tags`` and ``metadata`` on each of them.

    Entered with ``with`` or ``async with`` it gives the ``Session``; every entry, and every call of a
    decorated function, is a session of its own unless ``id`` names one.

    In a generator, plain or asynchronous, use the decorator: ``with session():`` around a ``yield`` leaks
    into the reader of the generator, as every context variable of Python does.

    Args:
        tags: The tags.
        id: The id of the session; default: a new one.
        metadata: A flat map from names to strings, numbers and booleans, such as ``{"user_id": 42}``; inside
            another one the inner value of a name holds.

    Raises:
        TypeError: a tag is not a string, or metadata is no such map; the message names it.
        ValueError: a label has more than 512 characters, a control character or a lone surrogate, a name or a
            value of the metadata is too long, or there are too many.
    """

    __slots__ = ("_id",)

    def __init__(
        self,
        tags: Iterable[str] = (),
        *,
        id: str | None = None,  # noqa: A002 -- the record's word
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if callable(tags):
            raise TypeError("write @log10_trace.session() with brackets")
        super().__init__(check_tags(tags), metadata)
        if id is not None and not isinstance(id, str):
            raise TypeError(f"a session id is a string, and {id!r} is {type(id).__name__}")
        self._id = id and check_label("a session id", id)

    def _inside(self, outer: Scope) -> Scope:
        opened = Session(self._id or str(uuid.uuid4()))
        tags = merge_tags(outer.tags, self._tags)
        metadata = merge_metadata(outer.metadata, self._metadata)
        return Scope(tags, opened, outer, _stack_that_opens(outer), outer.submitted, metadata=metadata)

    def __enter__(self) -> Session:
        return cast("Session", self._enter().session)

    async def __aenter__(self) -> Session:
        return self.__enter__()


def propagate(function: Decorated) -> Decorated:
    """The same function, with the tags, metadata and session of this moment in force wherever it runs.

    For what begins with an empty context: a thread or an executor under ``patch(threads=False)``, a pool of
    ``multiprocessing.pool``, a queue that a thread of your own reads.
    """
    scope = _scope.get()
    here = _stack_that_opens(scope)
    return _PropagatedScope(scope.hand_over(here and here[0]))(function)


class _PropagatedScope(_ScopeBase):
    """A scope carried to another thread."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        super().__init__((), None)
        self._scope = scope

    def _inside(self, outer: Scope) -> Scope:
        scope = self._scope
        submitted = outer.submitted or scope.submitted
        return Scope(scope.tags, scope.session, outer, scope.opened, submitted, metadata=scope.metadata)
