"""``replay()``: the answers of the API from a recording, or into one."""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from log10_trace import instrument
from log10_trace.config import resolve
from log10_trace.errors import RecordingError
from log10_trace.redact import Redactor
from log10_trace.testing.player import Player, parse_record
from log10_trace.testing.recording_file import RecordedCall

if TYPE_CHECKING:
    from typing_extensions import Self

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PLACEHOLDER_KEY: Final = "served-from-a-recording"
"""The API key of clients that are made while every call is served. Plain words, which are never masked."""
_KEY_VARIABLES: Final = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")
_MAX_LISTED: Final = 5


class UnusedRecordingWarning(UserWarning):
    """A recording has calls that were not made."""


class replay:  # noqa: N801 -- reads as a word of the language: with replay("calls.jsonl"):
    """Serve the calls made inside from a recording, or record them; ``with``, ``async with`` or decorator.

    ::

        with log10_trace.testing.replay("recordings/greeting.jsonl"):
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])

    The first run makes the calls and writes the file, later ones need neither network nor API key. A call is
    served when method, path and body of its request are recorded; the host, headers and the order of JSON
    keys do not matter. Equal requests are served in the order in which they were recorded. Failures are
    served like answers, without the delays of retries. A file is written when the block ends without an
    exception; with ``record="new"`` also otherwise, without the calls that failed.

    Works whether or not the program is patched. As with ``capture()`` the effect is on the whole process: the
    calls of all threads and tasks; blocks can be nested, and the innermost one serves.

    While every call is served, an environment variable OPENAI_API_KEY or AZURE_OPENAI_API_KEY that is not set
    has a placeholder, so that clients can be made.

    Args:
        path: The file; a relative path begins at the current directory.
        record: ``once``: record when there is no file, else serve; ``none``: only serve; ``new``: serve what
            is recorded and add other calls; ``all``: make all calls anew and replace the file.
        redact: What ``patch(redact=)`` takes; it gets request and answer as ``native_request`` and
            ``native_response`` of a Completion before they are written, and requests before they are
            compared.
        headers: Names of response headers to record beside content-type and x-request-id.
        strict: Whether recorded calls that were not made are an error instead of an UnusedRecordingWarning.

    Raises:
        ConfigError: ``record`` or ``redact`` is none of these.
        UnrecordedCallError: a call was made that is not recorded; also at the end of the block, where the
            exception raised by the call was caught.
        RecordingError: the file is damaged, of another format, or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        record: str = "once",
        *,
        redact: Redactor | str | Sequence[Redactor | str] | None = None,
        headers: Iterable[str] = (),
        strict: bool = False,
    ) -> None:
        self.path = Path(path)
        self._record = parse_record(record)
        # The one reading of the setting: functions, detectors, their names and lists of these.
        self._redact = None if redact is None else resolve({"redact": redact}, {}).redact
        self._headers = tuple(headers)
        self._strict = strict
        self._command = f"run it with replay({str(path)!r}, record='{{mode}}')"
        self._active: list[ActiveReplay] = []

    def __enter__(self) -> Self:
        player = Player(
            self.path, self._record, redact=self._redact, headers=self._headers, command=self._command
        )
        self._active.append(ActiveReplay(player, strict=self._strict, warn=_warn_at_block))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._active.pop().end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Decorated) -> Decorated:
        """The same function, with its calls served or recorded.

        Raises:
            TypeError: it is a generator, whose body runs while others read it.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"replay() decorates functions; in the generator {function.__name__} use it with `with`"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return cast("Decorated", run_async)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast("Decorated", run)


class ActiveReplay:
    """A recording in use, from the first call to the last."""

    def __init__(self, player: Player, *, strict: bool, warn: Callable[[Warning], object]) -> None:
        """Begin: calls are served or recorded from now on. ``warn`` issues a warning."""
        self.player = player
        self._strict = strict
        self._warn = warn
        self._stack = ExitStack()
        if player.serves_all:
            self._stack.callback(_remove_placeholders, _set_placeholders())
        self._stack.enter_context(instrument.intercepted_by(player))

    def stop(self) -> None:
        """End it: calls are made again. A second time does nothing."""
        self._stack.close()

    def end(self, error: BaseException | None) -> str | None:
        """Stop, write what was recorded, and report what does not fit.

        Args:
            error: What the test ended with.

        Returns:
            Why what was recorded is not written, if it is not.

        Raises:
            UnrecordedCallError: a call was not recorded, and ``error`` does not tell it.
            RecordingError: a recorded call was not made, and that is an error; the file cannot be written.
        """
        self.stop()
        not_written = self.player.save(passed=error is None and not self.player.refused)
        self.raise_unrecorded(error)
        if error is None:
            self._report_unused()
        return not_written

    def raise_unrecorded(self, error: BaseException | None) -> None:
        """Raise the exception of a call that was not recorded, unless ``error`` is it or comes from it."""
        told = set(map(id, _chain(error)))
        if self.player.refused and not told & set(map(id, self.player.refused)):
            raise self.player.refused[0] from error

    def _report_unused(self) -> None:
        unused = self.player.unused()
        if not unused:
            return
        message = _describe_unused(unused)
        if self._strict:
            raise RecordingError(self.player.path, unused[0].line, message)
        self._warn(UnusedRecordingWarning(f"{self.player.shown_path}: {message}"))


def _warn_at_block(warning: Warning) -> None:
    """Issue a warning at the line that ends the block: the callers between are ours."""
    warnings.warn(warning, stacklevel=5)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and those that it was raised from or in the handling of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _describe_unused(unused: Sequence[RecordedCall]) -> str:
    calls = "1 recorded call was" if len(unused) == 1 else f"{len(unused)} recorded calls were"
    listed = ", ".join(f"{call.request['request']} of line {call.line}" for call in unused[:_MAX_LISTED])
    more = f" and {len(unused) - _MAX_LISTED} more" if len(unused) > _MAX_LISTED else ""
    return f"{calls} not made ({listed}{more}). Record the calls anew to remove them."


def _set_placeholders() -> list[str]:
    """Set the variables of API keys that are not set; their names."""
    names = [name for name in _KEY_VARIABLES if not os.environ.get(name)]
    os.environ.update(dict.fromkeys(names, PLACEHOLDER_KEY))
    return names


def _remove_placeholders(names: Iterable[str]) -> None:
    for name in names:
        if os.environ.get(name) == PLACEHOLDER_KEY:
            del os.environ[name]
