"""Spans in OTLP's protobuf: one export request of many records. Needs the extra ``otel``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from log10_trace.errors import MissingExtraError
from log10_trace.otlp.conventions import ATTRIBUTES, list_metadata, span_name
from log10_trace.otlp.identity import identify
from log10_trace.otlp.origin import SCOPE, make_resource
from log10_trace.otlp.span_call import SpanCall, read_call
from log10_trace.otlp.wire import (
    encode_field,
    encode_fixed64,
    encode_number,
    encode_text,
    make_encoder,
)

try:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
except ImportError as error:
    raise MissingExtraError("Sending spans over OTLP", "otel") from error

_KIND: Final = encode_number(Span.KIND_FIELD_NUMBER, Span.SPAN_KIND_CLIENT)
_ERROR: Final = encode_number(Status.CODE_FIELD_NUMBER, Status.STATUS_CODE_ERROR)
_SCOPE: Final = encode_field(
    ScopeSpans.SCOPE_FIELD_NUMBER,
    SCOPE.SerializeToString(),
)
_MAX_METADATA_KEYS: Final = 256
"""Keys of metadata whose bytes are kept."""


def encode_span(record: Mapping[str, Any], *, with_content: bool) -> bytes | None:
    """The span of a record; None when its call has not ended, or it has no time to begin at."""
    call = read_call(record)
    if call is None:
        return None
    identity = identify(record)
    parent = identity.parent_span_id
    attributes = [
        encode(value)
        for read, encode in (_WITH_CONTENT if with_content else _PLAIN)
        if (value := read(call)) is not None
    ]
    attributes += [_make_metadata_encoder(name, kind)(value) for name, kind, value in list_metadata(call)]
    return b"".join(
        (
            encode_field(Span.TRACE_ID_FIELD_NUMBER, identity.trace_id),
            encode_field(Span.SPAN_ID_FIELD_NUMBER, identity.span_id),
            encode_field(Span.PARENT_SPAN_ID_FIELD_NUMBER, parent) if parent else b"",
            encode_field(Span.NAME_FIELD_NUMBER, encode_text(span_name(call))),
            _KIND,
            encode_fixed64(Span.START_TIME_UNIX_NANO_FIELD_NUMBER, call.start_ns),
            encode_fixed64(Span.END_TIME_UNIX_NANO_FIELD_NUMBER, call.end_ns),
            *attributes,
            _encode_status(call, with_content=with_content) if call.has_failed else b"",
        )
    )


def encode_request(spans: Iterable[bytes], resource: Mapping[str, str]) -> bytes:
    """An export request of these spans, of a service with these attributes."""
    scope_spans = [_SCOPE, *(encode_field(ScopeSpans.SPANS_FIELD_NUMBER, span) for span in spans)]
    resource_spans = (
        encode_field(ResourceSpans.RESOURCE_FIELD_NUMBER, make_resource(resource).SerializeToString()),
        encode_field(ResourceSpans.SCOPE_SPANS_FIELD_NUMBER, b"".join(scope_spans)),
    )
    return encode_field(ExportTraceServiceRequest.RESOURCE_SPANS_FIELD_NUMBER, b"".join(resource_spans))


def decode_rejection(body: bytes) -> tuple[int, str]:
    """How many spans a response of success says were not taken, and why; 0 where it says nothing of it."""
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return max(0, partial.rejected_spans), partial.error_message


def _encode_status(call: SpanCall, *, with_content: bool) -> bytes:
    # A provider may repeat in it what it was asked.
    reason = call.record.get("failure_reason") if with_content else None
    message = encode_text(reason) if isinstance(reason, str) else b""
    status = encode_field(Status.MESSAGE_FIELD_NUMBER, message) + _ERROR
    return encode_field(Span.STATUS_FIELD_NUMBER, status)


_WITH_CONTENT: Final = tuple((each.read, make_encoder(each.name, each.type)) for each in ATTRIBUTES)
_PLAIN: Final = tuple(
    pair for pair, each in zip(_WITH_CONTENT, ATTRIBUTES, strict=True) if not each.is_content
)
_make_metadata_encoder: Final = lru_cache(_MAX_METADATA_KEYS)(make_encoder)
