"""The labels of a Completion as JSON: what many calls have alike is written once. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quote
from operator import attrgetter
from typing import Any, Final, NamedTuple

from log10_trace.domain.call_labels import kind_of_endpoint
from log10_trace.domain.labels import make_label
from log10_trace.record.call import Call
from log10_trace.record.json_bytes import dump_fast
from log10_trace.record.outcome import Outcome

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- UTC, whose letter is written behind it
_REPEATED: Final = ("endpoint", "tags", "session_id", "organization_id", "base_url", "source")
_RARE: Final = ("trace_id", "span_id", "via", "traced_by")
_NO_RARE: Final = (None,) * len(_RARE)
_MAX_KEPT: Final = 256
_MAX_KEPT_CHARS: Final = 64 * 1024
"""What is longer is not kept: a tag may be a text of any length."""

_repeated_of = attrgetter(*_REPEATED)
_rare_of = attrgetter(*_RARE)

_written: Final[dict[tuple[Any, ...], _Repeated]] = {}


def write_labels(call: Call, outcome: Outcome, metadata: dict[str, Any] | None) -> bytes:
    """Every field that is neither a body nor the stack, as a JSON object without its end.

    Those without a value are left out.
    """
    parts = _write_repeated(call)
    texts = [
        f'{{"id":{_quote(call.id)},"kind":{parts.kind},"status":"{outcome.status}"',
        f'{parts.tags},"created_at":"{_rfc3339(call.created_ns)}",{parts.endpoint}',
    ]
    texts += _write_ending(call, outcome)
    if parts.base_url:
        texts.append(parts.base_url)
    if call.request_id is not None:
        texts.append(f'"request_id":{_quote(make_label(call.request_id))}')
    if (retries := call.retries) is not None:
        texts.append(f'"retries":{retries if type(retries) is int else _dump(retries)}')
    if parts.source:
        texts.append(parts.source)
    if call.sequence is not None:
        texts.append(f'"sequence":{call.sequence}')
    if (rare := _rare_of(call)) != _NO_RARE:
        named = zip(_RARE, rare, strict=True)
        texts += [f'"{name}":{_dump(value)}' for name, value in named if value is not None]
    if metadata:
        texts.append(f'"metadata":{_dump(metadata)}')
    return ",".join(texts).encode()


def _write_ending(call: Call, outcome: Outcome) -> list[str]:
    texts = []
    if call.duration_ns is not None:
        texts.append(f'"duration":{call.duration_ns / 1e9!r}')
    if call.first_token_ns is not None:
        texts.append(f'"time_to_first_token":{call.first_token_ns / 1e9!r}')
    if outcome.interrupted:
        texts.append('"interrupted":true')
    if outcome.failure_kind is not None:
        kind, reason = _dump(make_label(str(outcome.failure_kind))), _dump(outcome.failure_reason)
        texts.append(f'"failure_kind":{kind},"failure_reason":{reason}')
    return texts


class _Repeated(NamedTuple):
    """The fields that the calls of a program mostly have alike, as JSON; empty without a value."""

    kind: str
    tags: str
    endpoint: str
    base_url: str
    source: str


def _write_repeated(call: Call) -> _Repeated:
    key = _repeated_of(call)
    try:
        parts = _written.get(key)
    except TypeError:  # a label that is no text, and cannot be looked up
        return _write_parts(key)
    if parts is None:
        parts = _write_parts(key)
        if sum(map(len, parts)) <= _MAX_KEPT_CHARS:
            if len(_written) >= _MAX_KEPT:
                _written.clear()
            _written[key] = parts
    return parts


def _write_parts(values: tuple[Any, ...]) -> _Repeated:
    endpoint, tags, session, organization, url, source = values
    named = f',"organization_id":{_dump(organization)}' if organization is not None else ""
    return _Repeated(
        kind=_dump(kind_of_endpoint(endpoint)),
        tags=f'"tags":{_dump(tags)},"session_id":{_dump(session)}',
        endpoint=f'"endpoint":{_dump(endpoint)}{named}',
        base_url=f'"base_url":{_dump(url)}' if url is not None else "",
        source=f'"source":{_dump(source)}' if source is not None else "",
    )


def _dump(value: Any) -> str:
    return dump_fast(value).decode()


def _rfc3339(nanoseconds: int) -> str:
    seconds, microseconds = divmod(nanoseconds // 1000, 1_000_000)
    return f"{_rfc3339_second(seconds)}.{microseconds:06}Z"


@lru_cache(maxsize=16)
def _rfc3339_second(seconds: int) -> str:
    """Kept, because the calls of a batch began in few seconds."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()
