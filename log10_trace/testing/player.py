"""Which calls of a test are served from a recording, which are made, and what is kept of those."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from log10_trace import threads
from log10_trace.errors import ConfigError, RecordingError, UnrecordedCallError
from log10_trace.record.accumulate_responses import ENDS
from log10_trace.record.content_encoding import decode_chunks
from log10_trace.record.exchange import Exchange, Response
from log10_trace.redact import Redactor
from log10_trace.testing import redacting
from log10_trace.testing.bodies import encode_request_body
from log10_trace.testing.mismatch import describe_unrecorded_call
from log10_trace.testing.recording_file import RecordedCall, read_recording, write_recording

_KEPT_HEADERS: Final = ("content-type", "x-request-id")
_OF_THE_WIRE: Final = frozenset(("content-encoding", "content-length", "transfer-encoding"))
"""Headers that say how a body came, and not how it is served."""
_FIRST_ERROR: Final = 400
_DONE: Final = b"data: [DONE]"


class Record(str, Enum):
    """When the calls of a test are made and recorded."""

    ONCE = "once"
    """Recorded when there is no recording yet; served from then on."""
    NONE = "none"
    """Never: every call is served."""
    NEW = "new"
    """Recorded calls are served, others are made and added."""
    ALL = "all"
    """All calls are made, and replace the recording."""


def parse_record(value: str) -> Record:
    """The mode of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Record(value)
    except ValueError:
        names = ", ".join(mode.value for mode in Record)
        raise ConfigError("record", value, f"it is one of {names}") from None


class Player:
    """The interceptor of one test: serves its recording, and keeps what is recorded anew.

    Args:
        path: The file of the recording.
        record: When calls are made and recorded.
        redact: What of a request and its answer is kept, and compared.
        headers: Names of further response headers to keep.
        command: How to record, for messages; ``{mode}`` stands for the mode.
    """

    def __init__(
        self,
        path: Path,
        record: Record,
        *,
        redact: Redactor | None = None,
        headers: Iterable[str] = (),
        command: str = "",
    ) -> None:
        """Read the recording.

        Raises:
            RecordingError: the file is damaged, or of another format.
        """
        self.path = path
        self.shown_path = _shorten(path)
        self.record = record
        self.refused: list[UnrecordedCallError] = []
        """The calls that were made and are not recorded."""
        self._lock = threads.new_reentrant_lock()
        self._redact = redact
        self._headers = frozenset({*_KEPT_HEADERS, *(name.lower() for name in headers)}) - _OF_THE_WIRE
        self._command = command
        self._recorded = self._read()
        """The calls that were not served yet; none where they are recorded anew."""
        self._served: list[RecordedCall] = []
        self._made: list[tuple[RecordedCall | None, Exchange]] = []
        """The calls that were made, each with the recorded one that it stands behind in the file."""

    def _read(self) -> list[RecordedCall]:
        self.is_new = not self.path.exists()
        """Whether there was no recording when the test began."""
        return [] if self.record is Record.ALL or self.is_new else read_recording(self.path)

    @property
    def serves_all(self) -> bool:
        """Whether no call is made."""
        return self.record is Record.NONE or (self.record is Record.ONCE and not self.is_new)

    def find(self, exchange: Exchange) -> Response | None:
        """The recorded response to a request; none when the request is to be made and recorded."""
        with self._lock:
            if self.record is not Record.ALL:
                request = _describe(exchange)
                if self._redact is not None:
                    request = redacting.redact_request(self._redact, request)
                served = self._take(request)
                if served is not None:
                    return served.response
                if self.serves_all:
                    raise self._refuse(request)
            self._made.append((self._served[-1] if self._served else None, exchange))
            return None

    def _take(self, request: dict[str, Any]) -> RecordedCall | None:
        """The first call with this request that was not served yet."""
        wanted = _to_key(request)
        for at, call in enumerate(self._recorded):
            if _to_key(call.request) == wanted:
                self._served.append(self._recorded.pop(at))
                return call
        return None

    def _refuse(self, request: dict[str, Any]) -> UnrecordedCallError:
        recorded = [call.request for call in self._recorded]
        served = [call.request for call in self._served]
        found = describe_unrecorded_call(request, recorded, served)
        where = f"there is no {self.shown_path}" if self.is_new else self.shown_path
        command = self._command_for("new")
        error = UnrecordedCallError(
            f"{request['request']} is not recorded ({where}). {found}\nTo record it: {command}"
        )
        self.refused.append(error)
        return error

    def _command_for(self, mode: str) -> str:
        return self._command.replace("{mode}", mode)

    def on_read_past(self, exchange: Exchange) -> None:
        """Refuse to serve more of a body than the recorded program read."""
        sent = exchange.request
        error = UnrecordedCallError(
            f"The answer to {sent.method} {sent.target} is recorded in part ({self.shown_path}): the "
            f"recorded test stopped reading it there.\nTo record it whole: {self._command_for('all')}"
        )
        with self._lock:
            self.refused.append(error)
        raise error

    @property
    def served_count(self) -> int:
        """How many calls were served."""
        return len(self._served)

    def unused(self) -> Sequence[RecordedCall]:
        """The recorded calls that were not made."""
        return tuple(self._recorded)

    def save(self, *, passed: bool) -> str | None:
        """Write what was recorded; why that was not done, where it was not.

        The recording of a test that fails is not written: a part of it would be served from then on. With
        ``new`` the answers are, so that they are paid once; the failures are not.
        """
        made = [(behind, exchange) for behind, exchange in self._made if exchange.response.has_ended]
        if made and not passed and self.record is not Record.NEW:
            return f"{self.shown_path} was not written: the test failed"
        if not passed:
            made = [each for each in made if not _is_failure(each[1].response)]
        if not made:
            return None
        try:
            write_recording(self.path, self._merge(made))
        except OSError as error:
            raise RecordingError(self.path, None, f"the recording cannot be written ({error})") from error
        return None

    def _merge(self, made: list[tuple[RecordedCall | None, Exchange]]) -> list[RecordedCall]:
        """The recording with what was made: each call behind the one that was served before it."""
        calls = sorted([*self._served, *self._recorded], key=lambda call: call.line)
        merged = [self._to_call(exchange) for behind, exchange in made if behind is None]
        for call in calls:
            merged += [call, *(self._to_call(exchange) for behind, exchange in made if behind is call)]
        return merged

    def _to_call(self, exchange: Exchange) -> RecordedCall:
        """What is kept of an exchange: no credential, and few headers."""
        came = exchange.response
        line = _describe(exchange)
        mask = exchange.mask_failure if _is_failure(came) else exchange.mask
        pieces = _mask_pieces(_decode_pieces(came), mask)
        response = replace(
            came,
            headers=[
                (name, _mask_text(mask, value)) for name, value in came.headers if name in self._headers
            ],
            pieces=pieces,
            is_whole=came.is_whole or _has_ended(pieces),
            failure=came.failure and (came.failure[0], _mask_text(mask, came.failure[1])),
        )
        if self._redact is not None:
            line, response = redacting.redact_call(self._redact, line, response)
        return RecordedCall(line, response)


def _describe(exchange: Exchange) -> dict[str, Any]:
    """The line of a request."""
    sent = exchange.request
    body = encode_request_body(exchange.mask(sent.body), sent.content_type)
    return {"request": f"{sent.method} {sent.target}", **body}


def _is_failure(response: Response) -> bool:
    return response.status is None or response.status >= _FIRST_ERROR


def _shorten(path: Path) -> str:
    """A path as people type it: from the current directory on, where it is in there."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _mask_text(mask: Callable[[bytes], bytes], text: str) -> str:
    return mask(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _to_key(request: dict[str, Any]) -> str:
    """The same text for the same JSON, whatever the order of its keys; 1 and true are not the same."""
    return json.dumps(request, sort_keys=True)


def _decode_pieces(response: Response) -> list[bytes]:
    """The pieces of a body without the compression that it had on the wire."""
    coding = dict(response.headers).get("content-encoding")
    return [piece for piece in decode_chunks(response.pieces, coding) if piece]


def _mask_pieces(pieces: list[bytes], mask: Callable[[bytes], bytes]) -> list[bytes]:
    """The pieces without credentials; joined, where one is spread over several."""
    body = b"".join(pieces)
    masked = mask(body)
    if masked == body:
        return pieces
    one_by_one = [mask(piece) for piece in pieces]
    return one_by_one if b"".join(one_by_one) == masked else [masked]


def _has_ended(pieces: list[bytes]) -> bool:
    """Whether a stream said that it is over: programs stop reading there."""
    body = b"".join(pieces)
    if _DONE in body:
        return True
    return any(f'"{kind}"'.encode() in body for kind in ENDS)
