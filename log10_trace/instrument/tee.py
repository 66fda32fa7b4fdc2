"""The bytes of a response as the program reads them: passed on as they come, and referred to in the call.

The proxy stands in the place of the response's byte stream, below everything the SDK makes of it, so that
the SDK's objects stay its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import wrapt

from log10_trace.guard import guard
from log10_trace.instrument.recording import END, Recording

_OBSERVING: Final = guard("observing a stream")
_FINISHING: Final = guard("finishing a stream")


class Tee(wrapt.ObjectProxy):  # type: ignore[type-arg] # wrapt 1 takes none
    """A byte stream that is observed. Whatever is not reading or closing is the stream's own."""

    # A wrapt proxy, and no class of ours: both HTTP libraries ask isinstance of their stream, and httpx2
    # reads ``response.elapsed`` from it.
    def __init__(self, stream: Any, recording: Recording) -> None:
        super().__init__(stream)
        self._self_recording = recording

    def __iter__(self) -> Iterator[bytes]:
        return _tee(self.__wrapped__, self._self_recording)

    def __aiter__(self) -> AsyncIterator[bytes]:
        # A new generator each time: openai 3 iterates once more after the end, to read what is left of the
        # body.
        return _tee_async(self.__wrapped__, self._self_recording)

    def close(self) -> None:
        """Close the stream; a body not read to its end was left."""
        _abandon(self)
        self.__wrapped__.close()

    async def aclose(self) -> None:
        """As ``close``."""
        _abandon(self)
        await self.__wrapped__.aclose()

    def __del__(self) -> None:
        # Dropped without being closed. At the end of the interpreter our own parts may be gone already.
        if _abandon is not None:
            _abandon(self)


def _abandon(tee: Tee) -> None:
    """Note that a stream was closed or dropped, unless its call has ended."""
    # No ``with`` here and below: every stream passes, and nearly all have been read to their end.
    try:
        recording = tee._self_recording  # noqa: SLF001 -- wrapt keeps no other name for itself
        if recording.call.duration_ns is None:
            recording.on_abandoned()
    except Exception as fault:  # noqa: BLE001 -- the guard keeps it
        _FINISHING.keep(fault)


def _tee(stream: Any, recording: Recording) -> Iterator[bytes]:
    keep, midway = recording.call.chunks.append, False
    try:
        for chunk in stream:
            # Most pieces come midway, and this much cannot fail: a guard for each would cost as much again.
            if midway and type(chunk) is bytes and not chunk.endswith(END):
                keep(chunk)
            else:
                try:
                    midway = recording.on_chunk(chunk)
                except Exception as fault:  # noqa: BLE001 -- as above
                    _OBSERVING.keep(fault)
            yield chunk
    except BaseException as error:
        with _OBSERVING:
            _on_stream_error(recording, error)
        raise
    try:
        recording.finish()
    except Exception as fault:  # noqa: BLE001 -- as above
        _OBSERVING.keep(fault)


async def _tee_async(stream: Any, recording: Recording) -> AsyncIterator[bytes]:
    keep, midway = recording.call.chunks.append, False
    chunks = stream.__aiter__()
    try:
        async for chunk in chunks:
            # Most pieces come midway, and this much cannot fail: a guard for each would cost as much again.
            if midway and type(chunk) is bytes and not chunk.endswith(END):
                keep(chunk)
            else:
                try:
                    midway = recording.on_chunk(chunk)
                except Exception as fault:  # noqa: BLE001 -- as above
                    _OBSERVING.keep(fault)
            yield chunk
    except BaseException as error:
        with _OBSERVING:
            _on_stream_error(recording, error)
        raise
    finally:
        # As the HTTP library does with its own: a generator dropped half-way is closed here and now.
        if hasattr(chunks, "aclose"):
            await chunks.aclose()
    try:
        recording.finish()
    except Exception as fault:  # noqa: BLE001 -- as above
        _OBSERVING.keep(fault)


def _on_stream_error(recording: Recording, error: BaseException) -> None:
    """Reading has ended before the stream: its consumer dropped it, or an exception came through."""
    if isinstance(error, GeneratorExit):
        recording.on_abandoned()
    else:
        recording.finish(error)
