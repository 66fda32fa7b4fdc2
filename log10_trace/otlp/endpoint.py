"""How an OTLP endpoint is named: its URL, its headers, and the attributes of the service that sends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

TRACES_PATH: Final = "/v1/traces"
METRICS_PATH: Final = "/v1/metrics"
GRPC_PORT: Final = 4317
"""The port of OTLP over gRPC."""
GRPC_NOTICE: Final = (
    "it seems to speak gRPC alone; name the endpoint of OTLP over HTTP, whose port is 4318 as a rule"
)
_SERVICE: Final = "service.name"
_OWN_NAME: Final = "log10-trace"
_OWN_HEADERS: Final = frozenset(
    {"content-type", "content-length", "content-encoding", "host", "transfer-encoding"}
)
_TOKEN_CHARACTERS: Final = frozenset("!#$%&'*+-.^_`|~")


def parse_url(value: Any) -> str:
    """The URL that spans are posted to: as it is where it ends with ``/v1/traces``, else with that behind it.

    Raises:
        ValueError: it is no URL of HTTP.
    """
    if not isinstance(value, str):
        raise ValueError(f"it is {type(value).__name__}, not text")  # noqa: TRY004 -- every parser answers so
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is not an address such as http://127.0.0.1:4318")
    if parts.username or parts.password:
        raise ValueError("it holds a user name or a password; give them as a header")
    if parts.query or parts.fragment:
        raise ValueError("it must not have a query or fragment")
    _ = parts.port  # raises ValueError for a port that is not a number
    url = parts.geturl().rstrip("/")
    return url if url.endswith(TRACES_PATH) else url + TRACES_PATH


def parse_headers(value: Any) -> dict[str, str]:
    """Headers, from a map or from text as OpenTelemetry writes it: ``api-key=secret,tenant=a%20b``.

    Raises:
        ValueError: a header has no value, cannot be sent, or is one that we set ourselves.
    """
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError("headers are text such as api-key=secret,tenant=acme")
        value = {name.strip(): unquote(text.strip()) for name, _, text in pairs}
    if not isinstance(value, Mapping):
        raise ValueError("headers are a map, or text such as api-key=secret,tenant=acme")  # noqa: TRY004 -- as above
    for name, text in value.items():
        _check_header(name, text)
    return dict(value)


def _check_header(name: Any, text: Any) -> None:
    if (
        not isinstance(name, str)
        or not name
        or not all(char.isascii() and (char.isalnum() or char in _TOKEN_CHARACTERS) for char in name)
    ):
        raise ValueError(f"{name!r} is not the name of a header")
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"the header {name} is set by log10_trace itself")
    if not isinstance(text, str) or not text.strip() or not (text.isascii() and text.isprintable()):
        raise ValueError(f"the value of the header {name} is empty, or cannot be sent")


def read_resource(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The attributes of the service, from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES as SDKs do."""
    environ = os.environ if environ is None else environ
    pairs = [pair.partition("=") for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")]
    named = {name.strip(): unquote(text.strip()) for name, equals, text in pairs if equals and name.strip()}
    service = environ.get("OTEL_SERVICE_NAME") or named.get(_SERVICE) or _OWN_NAME
    return named | {_SERVICE: service}


def split_url(url: str) -> tuple[str, str]:
    """The server of a URL, and the path on it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path


def metrics_url(traces_url: str) -> str:
    """The URL that metrics are posted to, beside that of spans (``parse_url``)."""
    return traces_url.removesuffix(TRACES_PATH) + METRICS_PATH
