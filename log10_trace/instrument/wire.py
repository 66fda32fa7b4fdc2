"""What the SDK's HTTP objects tell of a call, whichever of its HTTP libraries they come from.

No header is kept but the content type, the content coding and the provider's request id.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from log10_trace.record.call import Call

_CONTENT_TYPE: Final = b"content-type"
_CONTENT_ENCODING: Final = b"content-encoding"
_REQUEST_IDS: Final = frozenset((b"x-request-id", b"request-id"))
"""OpenAI's header and Anthropic's."""
_LENGTHS: Final = frozenset(map(len, (_CONTENT_TYPE, _CONTENT_ENCODING, *_REQUEST_IDS)))
_TYPES: Final = {
    text.encode(): text
    for text in (
        "application/json", "application/json; charset=utf-8", "application/json;charset=utf-8",
        "text/event-stream", "text/event-stream; charset=utf-8", "text/event-stream;charset=utf-8",
    )
}  # fmt: skip
"""Content types that nearly every response has one of."""

# Every client has a URL object of its own, and a program may make one for each call.
_MAX_RETRY_DIGITS: Final = 9
_MAX_URLS: Final = 256
_urls: Final[dict[int, tuple[Any, str]]] = {}
"""The text of base URLs by the id of the object, which is kept so that the id stays its own."""


def base_url(client: Any, prefix: str = "") -> str | None:
    """The URL that the endpoint of a call is below, without user, password, query and fragment.

    That is the client's base URL, and what stands before the endpoint in the path of the call: ``prefix``,
    which is a whole URL where a program, or Together's SDK, posts to one.
    """
    if prefix:
        # Azure's client writes the deployment into the path, in old versions into the very object that is
        # used again.
        if "/deployments" in prefix:
            prefix = ""
        if "://" in prefix:
            return _without_secrets(prefix.lstrip("/")) + "/"
    url = client.base_url
    known = _urls.get(id(url))
    if known is None:
        if len(_urls) >= _MAX_URLS:
            _urls.clear()
        known = (url, _without_secrets(str(url)))
        _urls[id(url)] = known
    return known[1] if not prefix else f"{known[1].rstrip('/')}{prefix}/"


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def body(message: Any) -> bytes | None:
    """The body of a request or response, as far as it is in memory; the object itself, no copy."""
    if message is None:
        return None
    try:
        content = message.content
    except RuntimeError:  # both HTTP libraries say so of a body not read yet
        return None
    return content if isinstance(content, bytes) else None


def read_headers(call: Call, headers: Any) -> None:
    """Keep the three headers that say something about the body and the request."""
    for name, value in headers.raw:
        # An answer has twenty others, and few of them are as long.
        if len(name) not in _LENGTHS:
            continue
        lower = name.lower()
        if lower == _CONTENT_TYPE:
            call.content_type = _TYPES.get(value) or value.decode("latin-1")
        elif lower in _REQUEST_IDS:
            call.request_id = value.decode("latin-1")
        elif lower == _CONTENT_ENCODING:
            call.content_encoding = value.decode("latin-1")


def safe_getattr(error: BaseException, name: str) -> Any:
    """An attribute of the SDK's exceptions; none on others, or when it was never set."""
    try:
        return getattr(error, name, None)
    except RuntimeError:
        return None


def retries(request: Any) -> int | None:
    """How often the SDK tried again before this request, by what it told the provider (openai 1.47 on)."""
    return read_retries(request.headers.get("x-stainless-retry-count")) if request is not None else None


def read_retries(count: str | bytes | None) -> int | None:
    """The number in the header that tells of retries; None for what no SDK writes there."""
    if count is None or len(count) > _MAX_RETRY_DIGITS or not count.isdigit() or not count.isascii():
        return None
    return int(count)


def options_json(options: Any) -> bytes:
    """The JSON body that the SDK was asked to send, for a call of which nothing was sent."""
    data, extra = getattr(options, "json_data", None), getattr(options, "extra_json", None)
    if isinstance(data, dict) and extra:
        # ``extra_body``, which the SDK merges when it builds the request.
        data = {**data, **extra}
    if data is None:
        return b""
    return dump_json(data)


def dump_json(data: Any) -> bytes:
    """JSON of what a program handed the SDK. Generators are left alone: what is no JSON is named by type."""
    # A key that JSON cannot have costs itself and not the whole request.
    return json.dumps(data, default=_to_plain_value, skipkeys=True).encode()


def _to_plain_value(value: Any) -> Any:
    # A class given as ``response_format`` has the method too, but no instance to call it with.
    dump = getattr(value, "model_dump", None)
    if dump is not None and not isinstance(value, type):
        return dump(mode="json")
    return f"<{type(value).__name__}>"
