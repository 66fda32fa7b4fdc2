"""The span of a record as ``opentelemetry-proto`` makes it: what our bytes are compared with."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from log10_trace.otlp.conventions import ATTRIBUTES, list_metadata, span_name
from log10_trace.otlp.identity import identify
from log10_trace.otlp.span_call import read_call


def make_span(record: Mapping[str, Any], *, with_content: bool) -> Span | None:
    """The span, or None as ``encode_span`` gives it."""
    call = read_call(record)
    if call is None:
        return None
    identity = identify(record)
    span = Span(
        trace_id=identity.trace_id,
        span_id=identity.span_id,
        parent_span_id=identity.parent_span_id,
        name=_clean(span_name(call)),
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=call.start_ns,
        end_time_unix_nano=call.end_ns,
    )
    if call.has_failed:
        reason = call.record.get("failure_reason") if with_content else None
        message = _clean(reason) if isinstance(reason, str) else ""
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=message))
    named = [
        (each.name, each.type, each.read(call)) for each in ATTRIBUTES if with_content or not each.is_content
    ]
    for name, kind, value in (*named, *list_metadata(call)):
        made = _VALUES[kind](value)
        if made is not None:
            span.attributes.append(KeyValue(key=name, value=made))
    return span


def _string(value: Any) -> AnyValue | None:
    return AnyValue(string_value=_clean(value)) if isinstance(value, str) else None


def _int(value: Any) -> AnyValue | None:
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return AnyValue(int_value=value) if is_int and -(1 << 63) <= value < 1 << 63 else None


def _double(value: Any) -> AnyValue | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return AnyValue(double_value=float(value)) if math.isfinite(float(value)) else None
    except OverflowError:
        return None


def _boolean(value: Any) -> AnyValue | None:
    return AnyValue(bool_value=value) if isinstance(value, bool) else None


def _strings(value: Any) -> AnyValue | None:
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    values = [AnyValue(string_value=_clean(text)) for text in texts]
    return AnyValue(array_value=ArrayValue(values=values)) if values else None


def _json(value: Any) -> AnyValue | None:
    return None if value is None else _string(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


_VALUES: dict[str, Callable[[Any], AnyValue | None]] = {
    "string": _string,
    "int": _int,
    "double": _double,
    "boolean": _boolean,
    "string[]": _strings,
    "json": _json,
}
