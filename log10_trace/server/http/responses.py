"""Responses with JSON bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from log10_trace.server.http.api_errors import ApiError

_encoder: Final = json.JSONEncoder(separators=(",", ":"))


def encode_json(value: Any) -> bytes:
    """``value`` as JSON, in ASCII so that lone surrogates survive."""
    return _encoder.encode(value).encode("ascii")


def json_response(value: Any, status: int = 200) -> Response:
    """``value`` as JSON."""
    return json_bytes_response(encode_json(value), status)


def json_bytes_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that is already text; records are given back this way, byte for byte."""
    return Response(body, status, headers, media_type="application/json")


def error_response(refusal: ApiError) -> Response:
    """The error as JSON."""
    return json_bytes_response(encode_json(refusal.as_dict()), refusal.status, refusal.headers)


def wrap_json_array(items: list[bytes], name: str, **rest: Any) -> bytes:
    """``{"<name>": [items...], ...rest}`` from items that are JSON text already."""
    tail = encode_json(rest)[1:] if rest else b"}"
    comma = b"," if rest else b""
    return b'{"' + name.encode() + b'":[' + b",".join(items) + b"]" + comma + tail
