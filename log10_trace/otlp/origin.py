"""Where spans and metrics come from: the service, and this package. Needs the extra ``otel``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from log10_trace import __version__
from log10_trace.errors import MissingExtraError

try:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
except ImportError as error:
    raise MissingExtraError("Sending spans over OTLP", "otel") from error

SCOPE: Final = InstrumentationScope(name="log10_trace", version=__version__)


def make_resource(attributes: Mapping[str, str]) -> Resource:
    """The service with these attributes."""
    return Resource(attributes=make_attributes(attributes.items()))


def make_attributes(pairs: Iterable[tuple[str, str]]) -> list[KeyValue]:
    """Attributes that are text; half a character, which protobuf does not take, becomes a question mark."""
    return [KeyValue(key=_clean(name), value=AnyValue(string_value=_clean(text))) for name, text in pairs]


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
