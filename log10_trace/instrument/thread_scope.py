"""Session, tags and the submitting line, carried into threads and into what executors run.

Only our own context variable is carried, as it stands when ``Thread.start`` or ``submit`` is called. We cut
in below the place where the standard library catches what the program's function raises, so that no frame of
ours stands in a traceback: ``Thread._bootstrap_inner`` and ``_WorkItem.run``. ``run_in_executor`` and
``to_thread`` pass ``submit`` too. Work for processes is left as it is.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Final

from log10_trace.context import Scope, current, set_current
from log10_trace.guard import guard, logger
from log10_trace.instrument import import_hooks
from log10_trace.instrument.method_patch import Bracket, MethodPatch
from log10_trace.instrument.stack import sites, submitted_lines

_CARRYING: Final = guard("carrying the scope into a thread")

_OF_POOLS: Final = ("concurrent.futures.thread", "multiprocessing.pool", "log10_trace.threads")
"""Modules whose threads live as long as a pool, or are ours: they belong to no scope of the program's."""
_ATTRIBUTE: Final = "_log10_trace_scope"
"""Of an executor's work item: the scope that it was submitted in."""

_starting: Final[dict[int, Scope]] = {}
"""By the id of a thread object, between its ``start`` and its first steps: the scope that it begins with."""


def _renew() -> None:
    """In a forked child: only the thread that forked is there."""
    own = submitted_lines.get(threading.get_ident())
    _starting.clear()
    submitted_lines.clear()
    if own is not None:
        submitted_lines[threading.get_ident()] = own


os.register_at_fork(after_in_child=_renew)


def _scope_to_carry() -> Scope:
    # From the caller of the method that is wrapped: three functions of ours stand in between.
    return current().hand_over(sites.find_user_line(sys._getframe(3)))  # noqa: SLF001 -- as in wrappers


def _note_scope_of_thread(thread: threading.Thread) -> None:
    with _CARRYING:
        target = getattr(thread, "_target", None)
        # A context that the program gives its thread (Python 3.14) is the program's decision.
        given = getattr(thread, "_context", None)
        if given is None and getattr(target, "__module__", None) not in _OF_POOLS:
            # Not on the thread object, whose attributes stay Python's own.
            _starting[id(thread)] = _scope_to_carry()


def _forget_scope_of_thread(thread: threading.Thread, _entered: None) -> None:
    """A thread that has begun took it; one that could not be started has left it."""
    _starting.pop(id(thread), None)


def _enter_scope_of_thread(thread: threading.Thread) -> None:
    with _CARRYING:
        scope = _starting.pop(id(thread), None)
        if scope is None:
            return
        # From Python 3.14 on a thread runs in a context of its own, which is made by its ``start``.
        context = getattr(thread, "_context", None)
        if context is None:
            set_current(scope)
        else:
            context.run(set_current, scope)


def _leave_thread(_thread: threading.Thread, _entered: None) -> None:
    """Its context goes with it."""


def _note_scope_of_item(item: Any) -> None:
    with _CARRYING:
        setattr(item, _ATTRIBUTE, _scope_to_carry())


def _leave_new_item(_item: Any, _entered: None) -> None:
    """It waits for its worker now."""


def _enter_scope_of_item(item: Any) -> tuple[Scope, bytes | None] | None:
    with _CARRYING:
        scope = getattr(item, _ATTRIBUTE, None)
        if scope is None:
            return None  # it was submitted before ``patch()``
        thread = threading.get_ident()
        line_before = submitted_lines.get(thread)
        if scope.submitted is not None:
            # What runs in a copied context, as that of ``to_thread``, does not see the scope set here.
            submitted_lines[thread] = scope.submitted
        return set_current(scope), line_before
    return None


def _leave_scope_of_item(_item: Any, entered: tuple[Scope, bytes | None] | None) -> None:
    if entered is None:
        return
    scope_before, line_before = entered
    set_current(scope_before)
    submitted_lines.pop(threading.get_ident(), None)
    if line_before is not None:
        submitted_lines[threading.get_ident()] = line_before


_EXECUTORS: Final = "concurrent.futures.thread"
"""Many programs never import it."""
_patches: Final = [
    MethodPatch(threading.Thread, "start", Bracket(_note_scope_of_thread, _forget_scope_of_thread)),
    # Not ``run``, which a subclass may override.
    MethodPatch(threading.Thread, "_bootstrap_inner", Bracket(_enter_scope_of_thread, _leave_thread)),
]


class _InstallState:
    """Whether scopes are carried, and whether the executors are among the patches."""

    is_installed = False
    has_executors = False


_state: Final = _InstallState()


def _add_executors() -> None:
    executors = sys.modules.get(_EXECUTORS)
    if executors is None or _state.has_executors:
        return
    _state.has_executors = True
    item: Any = getattr(executors, "_WorkItem", type("_WorkItem", (), {}))
    _patches.append(MethodPatch(item, "__init__", Bracket(_note_scope_of_item, _leave_new_item)))
    # The item and not its thread: a worker serves many scopes, one after the other.
    _patches.append(MethodPatch(item, "run", Bracket(_enter_scope_of_item, _leave_scope_of_item)))


def _install_in_executors() -> None:
    if _state.is_installed:
        install()


def install() -> None:
    """Carry scopes into the threads and the work that are started from now on."""
    _state.is_installed = True
    if _EXECUTORS not in sys.modules:
        import_hooks.when_imported(_EXECUTORS, _install_in_executors)
    _add_executors()
    missing = [patch for patch in _patches if not hasattr(patch.owner, patch.name)]
    if missing:
        names = ", ".join(f"{patch.owner.__name__}.{patch.name}" for patch in missing)
        logger.warning("log10_trace: this Python has no %s, so threads begin without session and tags", names)
        return
    for patch in _patches:
        patch.wrap()


def uninstall() -> None:
    """Leave threads and executors as they were; what was started keeps its scope."""
    _state.is_installed = False
    for patch in _patches:
        patch.restore()
