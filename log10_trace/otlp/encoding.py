"""Spans in OTLP's protobuf: one export request of many records. Needs the extra ``otel``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from log10_trace import __version__
from log10_trace.errors import MissingExtraError
from log10_trace.otlp.conventions import ATTRIBUTES, ValueType, list_metadata, span_name
from log10_trace.otlp.identity import identify
from log10_trace.otlp.span_call import SpanCall, read_call

try:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
except ImportError as error:
    raise MissingExtraError("Sending spans over OTLP", "otel") from error

__all__ = ["Span", "decode_rejection", "encode_request", "encode_span"]

_MAX_INT: Final = 1 << 63
_SCOPE: Final = InstrumentationScope(name="log10_trace", version=__version__)
_SURROGATES: Final = ("utf-8", "replace")


def encode_span(record: Mapping[str, Any], *, with_content: bool) -> Span | None:
    """The span of a record; None when its call has not ended, or it has no time to begin at."""
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
        status=_status(call, with_content=with_content),
    )
    # Added in place: a list of attributes that is given to the span is copied, which takes thrice the time.
    for name, put, read in _WITH_CONTENT if with_content else _PLAIN:
        put(span, name, read(call))
    for name, kind, value in list_metadata(call):
        _PUTTERS[kind](span, _clean(name), value)
    return span


def encode_request(spans: Iterable[Span], resource: Mapping[str, str]) -> bytes:
    """An export request of these spans, of a service with these attributes."""
    attributes = [
        KeyValue(key=_clean(name), value=AnyValue(string_value=_clean(value)))
        for name, value in resource.items()
    ]
    scope_spans = ScopeSpans(scope=_SCOPE, spans=spans)
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=Resource(attributes=attributes), scope_spans=[scope_spans])]
    )
    return bytes(request.SerializeToString())


def decode_rejection(body: bytes) -> tuple[int, str]:
    """How many spans a response of success says were not taken, and why; 0 where it says nothing of it."""
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return max(0, partial.rejected_spans), partial.error_message


def _status(call: SpanCall, *, with_content: bool) -> Status | None:
    if not call.has_failed:
        return None
    # A provider may repeat in it what it was asked.
    reason = call.record.get("failure_reason") if with_content else None
    message = _clean(reason) if isinstance(reason, str) else ""
    return Status(code=Status.STATUS_CODE_ERROR, message=message)


def _put_string(span: Span, name: str, value: Any) -> None:
    if isinstance(value, str):
        span.attributes.add(key=name).value.string_value = _clean(value)


def _put_int(span: Span, name: str, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and -_MAX_INT <= value < _MAX_INT:
        span.attributes.add(key=name).value.int_value = value


def _put_double(span: Span, name: str, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    try:
        number = float(value)
    except OverflowError:
        return
    if math.isfinite(number):
        span.attributes.add(key=name).value.double_value = number


def _put_boolean(span: Span, name: str, value: Any) -> None:
    if isinstance(value, bool):
        span.attributes.add(key=name).value.bool_value = value


def _put_strings(span: Span, name: str, value: Any) -> None:
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    if texts:
        values = span.attributes.add(key=name).value.array_value.values
        for text in texts:
            values.add(string_value=_clean(text))


def _put_json(span: Span, name: str, value: Any) -> None:
    if value is not None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        span.attributes.add(key=name).value.string_value = _clean(text)


def _clean(text: str) -> str:
    """The text without unpaired surrogates, which protobuf does not take."""
    return text if text.isascii() else text.encode(*_SURROGATES).decode()


_PUTTERS: Final[Mapping[ValueType, Callable[[Span, str, Any], None]]] = {
    "string": _put_string,
    "int": _put_int,
    "double": _put_double,
    "boolean": _put_boolean,
    "string[]": _put_strings,
    "json": _put_json,
}
"""Each adds an attribute to a span, unless the value is not of its type."""

_WITH_CONTENT: Final = tuple((each.name, _PUTTERS[each.type], each.read) for each in ATTRIBUTES)
_PLAIN: Final = tuple(
    (each.name, _PUTTERS[each.type], each.read) for each in ATTRIBUTES if not each.is_content
)
