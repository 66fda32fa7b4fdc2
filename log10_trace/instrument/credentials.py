"""The credentials of a call, and how they are masked where a provider repeats them in an error.

What a request was sent with is what counts: the values of its headers and of its URL's query, whoever put
them there. Values that say nothing secret ("application/json", a version, a number) are left as they are.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from log10_trace.instrument.error_signs import MASK

_MIN_LENGTH: Final = 8
"""Shorter values are placeholders ("x", "EMPTY") and words of ordinary text."""
_MIN_NAMED_LENGTH: Final = 4
"""Minimum length of a secret value with digits under a name that marks it as secret."""
_MAX_COUNT: Final = 64

_NAMES: Final = re.compile(
    r"auth|key|token|secret|passw|pwd|credential|cookie|session|signature|\bsig\b|\bcode\b|jwt|bearer|cert"
)
"""What headers and query parameters with a credential are called."""
_HARMLESS_NAMES: Final = re.compile(
    r"""accept(-.*)? | connection | content-.* | host | user-agent | te | expect | date | origin
    | (http-)?referer | x-title | x-stainless-.* | .*version | openai-(beta|organization|project)
    | (x-)?idempotency-key | (x-)?(client-)?(request|correlation|trace)-id | traceparent
    | tracestate | baggage | sentry-trace | x-forwarded-.* | stream | timeout | region""",
    re.VERBOSE,
)
_HARMLESS_VALUES: Final = re.compile(
    r"""([A-Z]?[a-z]{1,19}|[A-Z]{1,19})([-_. /]([A-Z]?[a-z]{1,19}|[A-Z]{1,19}))*  # words
    | [a-z]+/[\w.+-]+(;.*)?                  # a media type
    | v?\d{1,4}([-.:]\d{1,4})+(-?[a-z]+)?    # a date, a time, a version
    | \d{1,11}(\.\d+)?                       # a number
    | (https?://)?[a-z\d-]+(\.[a-z\d-]+)*\.[a-z]{2,12}(:\d+)?/?  # a host""",
    re.VERBOSE,
)
_PARTS: Final = re.compile(r"""[^\s,;"'{}]+""")
_WITH_NAME: Final = re.compile(r"[\w.-]+[=:](?=.)")


def is_secret_name(name: str) -> bool:
    """Whether a header or a query parameter of this name has a credential."""
    return _NAMES.search(name.lower()) is not None and not _HARMLESS_NAMES.fullmatch(name.lower())


class Credentials:
    """Everything secret that the requests of one call were sent with."""

    def __init__(
        self,
        client: Any,
        requests: Iterable[Any],
        body: bytes = b"",
        *,
        more: Iterable[str] = (),
        spare_words: bool = False,
    ) -> None:
        """Find them.

        Args:
            client: The SDK's client.
            requests: The HTTP requests.
            body: The recorded request: what stands in it anyway is masked only under a telling name.
            more: Further credentials.
            spare_words: Whether values are left that are plain words, as placeholders of keys are.
        """
        found: dict[str, bool] = {}
        for name in ("api_key", "_azure_ad_token", "admin_api_key"):
            found.update(_secrets_of("key", getattr(client, name, None), b""))
        for secret in more:
            found.update(_secrets_of("key", secret, b""))
        for request in requests:
            for name, value in _values(request):
                found.update(_secrets_of(name.lower(), value, body))
        # One secret may begin with another: of two alternatives a pattern takes the first that fits.
        if spare_words:
            found = {each: alone for each, alone in found.items() if not _HARMLESS_VALUES.fullmatch(each)}
        longest_first = sorted(found, key=len, reverse=True)[:_MAX_COUNT]
        alternatives = [_pattern(secret, alone=found[secret]) for secret in longest_first]
        self._pattern = re.compile("|".join(alternatives)) if alternatives else None

    def mask_text(self, text: str) -> str:
        """The text without them, however they are quoted or encoded there."""
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

    def mask(self, content: bytes) -> bytes:
        """As ``mask_text``; the object itself when there is nothing to mask."""
        # Bytes that are no UTF-8 come back as they were.
        text = content.decode("utf-8", "surrogateescape")
        masked = self.mask_text(text)
        return content if masked == text else masked.encode("utf-8", "surrogateescape")


def _values(request: Any) -> Iterator[tuple[str, str]]:
    """Names and values of a request's headers, its URL's query, and the URL's own user and password."""
    headers = getattr(request, "headers", None)
    items = getattr(headers, "multi_items", None) or getattr(headers, "raw_items", None)
    if items is not None:
        yield from items()
    url = getattr(request, "url", None)
    if url is None:  # the opening request of a WebSocket connection
        yield from parse_qsl(str(getattr(request, "path", "")).partition("?")[2])
        return
    yield from url.params.multi_items()
    yield "user", url.username
    yield "password", url.password


def _secrets_of(name: str, value: Any, body: bytes) -> Iterator[tuple[str, bool]]:
    """What is secret in a value, each with whether it is masked only where it stands alone."""
    if not isinstance(value, str) or _HARMLESS_NAMES.fullmatch(name):
        return
    text = value.strip()
    scheme, _, rest = text.partition(" ")
    # A provider may repeat the key without its scheme.
    if rest and scheme.isalnum() and "authorization" in name:
        text = rest.strip()
        if scheme.lower() == "basic":
            yield from _basic(text)
    is_named = _NAMES.search(name) is not None
    if len(text) < _MIN_LENGTH:
        if is_named and len(text) >= _MIN_NAMED_LENGTH and _has_letters_and_digits(text):
            # Alone only: so few characters may also be a part of words.
            yield text, True
        return
    if is_named or _is_secret(text, body):
        yield text, False
    for part in _PARTS.findall(text):
        inner = _WITH_NAME.sub("", part, count=1)
        if len(inner) >= _MIN_LENGTH and _has_letters_and_digits(inner) and _is_secret(inner, body):
            yield inner, False


def _is_secret(text: str, body: bytes) -> bool:
    """Whether a value under a name that tells nothing is to be masked."""
    if _HARMLESS_VALUES.fullmatch(text):
        return _NAMES.search(text.lower()) is not None and "/" not in text and " " not in text
    return text.encode("utf-8", "surrogateescape") not in body


def _basic(text: str) -> Iterator[tuple[str, bool]]:
    """User and password of basic authentication, together, and the password by itself."""
    try:
        pair = base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return
    for part in (pair, pair.partition(":")[2]):
        if len(part) >= _MIN_NAMED_LENGTH:
            yield part, len(part) < _MIN_LENGTH


def _has_letters_and_digits(text: str) -> bool:
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def _pattern(secret: str, *, alone: bool) -> str:
    """Matches the secret as it is, URL-encoded, escaped for JSON, Python or HTML, also more than once."""
    pattern = "".join(map(_character, secret))
    return rf"(?<!\w){pattern}(?!\w)" if alone else pattern


def _character(character: str) -> str:
    if character.isalnum() and character.isascii():
        return character
    percent = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    units = character.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\+u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2))
    entities = {html.escape(character), f"&#{ord(character)};", f"&#x{ord(character):x};"}
    forms = [
        percent,
        escaped,
        *(f"(?i:{re.escape(entity)})" for entity in sorted(entities) if len(entity) > 1),
    ]
    if character == " ":
        forms.append(r"\+")
    if character == "\\":
        return rf"(?:\\+|{'|'.join(forms)})"
    return rf"(?:\\*{re.escape(character)}|{'|'.join(forms)})"
