"""Monkey patches of methods, the SDK's and those that start threads, and their exact restoration."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final, Protocol

import wrapt

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]

_ABSENT: Final = object()


class _Bound(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg] # wrapt 1 takes none
    """A wrapped method of an instance; copied and pickled as the method it stands for."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        # A deep copy of a client has methods that are bound to the copy.
        return getattr(copy.deepcopy(self.__self__, memo), self.__name__)

    def __reduce__(self) -> Any:
        return self.__wrapped__.__reduce__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class _Wrapped(wrapt.FunctionWrapper):  # type: ignore[type-arg] # as above
    """A wrapped function; to ``copy`` and ``pickle`` it is the function it stands for."""

    __bound_function_wrapper__ = _Bound

    def __init__(self, wrapped: Any, wrapper: Wrapper, owner: type, name: str) -> None:
        super().__init__(wrapped, wrapper)
        # wrapt keeps an attribute for itself only under a name that begins so; others land on the function.
        self._self_place = (owner, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        # Looked up on its class a function is itself, the same object every time.
        return self if instance is None else super().__get__(instance, owner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Called on the class: the instance is the first argument."""
        # wrapt's own ``__call__`` looks for the instance on the function, and finds none.
        if not args:
            return self.__wrapped__(**kwargs)
        return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce__(self) -> Any:
        return self.__wrapped__.__reduce__()

    def __reduce_ex__(self, _protocol: Any) -> Any:
        # A function is pickled by its name, and the function of that name is not this object: as an attribute
        # of its class it is found again, wrapped or not, whichever process reads the pickle.
        return getattr, self._self_place


class _Inherited(_Wrapped):
    """A plain function that stands for an inherited one, in a class that does not define it.

    Bound, it is a method as any other, which costs half of what a bound wrapper of wrapt does. Looked up on
    its class it is a ``_Wrapped``: by the name that it has, ``pickle`` finds another function.
    """

    def __init__(self, wrapped: Any, wrapper: Wrapper, owner: type, name: str, plain: FunctionType) -> None:
        super().__init__(wrapped, wrapper, owner, name)
        self._self_plain = plain

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self._self_plain, instance)


class PlainWrapper(Protocol):
    """Wraps a plain function by a plain function, which costs a third of what a wrapper of wrapt does."""

    def around(self, function: FunctionType) -> Any:
        """The function, wrapped."""
        ...

    def __call__(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As a wrapper, around what is no function: another tracer's."""
        ...


class Observer:
    """Looks at what a method returns, and fails never."""

    __slots__ = ("observe",)

    def __init__(self, observe: Callable[[Any], None]) -> None:
        self.observe = observe

    def around(self, function: FunctionType) -> Any:
        """The function, observed."""
        observe = self.observe

        @functools.wraps(function)
        def method(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            observe(result)
            return result

        return method

    def __call__(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As a wrapper, around what is no function: another tracer's."""
        result = wrapped(*args, **kwargs)
        self.observe(result)
        return result


class Bracket:
    """Does something before a method and behind it; neither ever fails."""

    __slots__ = ("enter", "leave")

    def __init__(self, enter: Callable[[Any], Any], leave: Callable[[Any, Any], None]) -> None:
        self.enter = enter
        self.leave = leave

    def around(self, function: FunctionType) -> Any:
        """The function, between ``enter`` and ``leave``, which has what ``enter`` gave."""
        enter, leave = self.enter, self.leave

        @functools.wraps(function)
        def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            entered = enter(self)
            try:
                return function(self, *args, **kwargs)
            finally:
                leave(self, entered)

        return method

    def __call__(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As a wrapper, around what is no function: another tracer's."""
        entered = self.enter(instance)
        try:
            return wrapped(*args, **kwargs)
        finally:
            self.leave(instance, entered)


def has_parameters_of(function: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether two functions have the same parameters, with the same defaults."""
    return _parameters(function) == _parameters(other)


def _parameters(function: Any) -> tuple[Any, ...]:
    code = function.__code__
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    takes_others = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return counts, names, takes_others, function.__defaults__, function.__kwdefaults__


class MethodPatch:
    """One method of one class, wrapped and restored."""

    def __init__(self, owner: type, name: str, wrapper: Wrapper | PlainWrapper) -> None:
        self.owner = owner
        self.name = name
        self._wrapper = wrapper
        self._ours: Any = None
        self._before: Any = _ABSENT

    @property
    def is_wrapped(self) -> bool:
        """Whether we are there, be it switched off under another tracer's wrapper."""
        return self._ours is not None

    def wrap(self) -> None:
        """Cut in, unless we are there already, be it under another tracer's wrapper."""
        # getattr would give what another tracer's wrapper binds, not the wrapper that stands there.
        current = inspect.getattr_static(self.owner, self.name)
        if self._ours is not None and _is_wrapped_by(self._ours, current):
            return
        # The clients inherit ``request``: to restore it is to delete ours, so that the base class shows
        # again.
        self._before = vars(self.owner).get(self.name, _ABSENT)
        around = getattr(self._wrapper, "around", None)
        if around is not None and type(current) is FunctionType:
            self._ours = around(current)
            if self._before is _ABSENT:
                self._ours = _Inherited(current, self._wrapper, self.owner, self.name, self._ours)
        else:
            self._ours = _Wrapped(current, self._wrapper, self.owner, self.name)
        setattr(self.owner, self.name, self._ours)

    def restore(self) -> None:
        """Put back what was there. Under another tracer's wrapper ours stays, switched off."""
        # To set back what we saw would throw out the wrapper that stands on ours, and that one's own way back
        # would put ours in again.
        if self._ours is None or vars(self.owner).get(self.name) is not self._ours:
            return
        if self._before is _ABSENT:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self._before)
        self._ours = None


def _is_wrapped_by(ours: Any, current: Any) -> bool:
    """Whether ``current`` calls ours in the end, as far as wrappers say what they wrap."""
    while current is not None:
        if current is ours:
            return True
        current = getattr(current, "__wrapped__", None)
    return False
