"""Attributes in protobuf's wire format, written as bytes.

Making the message objects of ``opentelemetry-proto`` takes five times as long as all else that a span costs.
A test decodes what is written here with that package, and compares it with what the package itself makes.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import to_json

ValueType = Literal["string", "int", "double", "boolean", "string[]", "json"]
"""What the conventions say of a value; ``json`` is a structure, which is written as JSON text."""
Encoder: TypeAlias = Callable[[Any], bytes]
"""Gives the attribute with a value that is not None; nothing where it is not of the attribute's type."""

MAX_INT: Final = 1 << 63
_UINT: Final = 1 << 64
_VARINT, _FIXED64, _BYTES = 0, 1, 2
_ONE_BYTE: Final = tuple(bytes((number,)) for number in range(0x80))
_REMEMBERED: Final = 512
"""Values of an attribute whose bytes are kept: most have few values, which come again and again."""
_MAX_REMEMBERED_CHARACTERS: Final = 100


def encode_varint(number: int) -> bytes:
    """An integer from 0 to 2**64 - 1: seven bits a byte, the lowest first."""
    if number < len(_ONE_BYTE):
        return _ONE_BYTE[number]
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 -- seven bits
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


@lru_cache(_REMEMBERED)
def encode_tag(field: int, wire_type: int) -> bytes:
    """What stands before the value of a field."""
    return encode_varint(field << 3 | wire_type)


def encode_field(field: int, content: bytes) -> bytes:
    """A field that holds text, bytes or a message."""
    return encode_tag(field, _BYTES) + encode_varint(len(content)) + content


def encode_fixed64(field: int, number: int) -> bytes:
    """A field that holds an integer from 0 to 2**64 - 1 in eight bytes."""
    return encode_tag(field, _FIXED64) + number.to_bytes(8, "little")


def encode_number(field: int, number: int) -> bytes:
    """A field that holds an integer from -2**63 to 2**63 - 1, or an enum's value."""
    return encode_tag(field, _VARINT) + encode_varint(number % _UINT)


def encode_text(text: str) -> bytes:
    """The text in UTF-8, without unpaired surrogates, which protobuf does not take."""
    return text.encode("utf-8", "replace")


_ATTRIBUTE: Final = encode_tag(9, _BYTES)
"""``Span.attributes``, a ``KeyValue``."""
_VALUE: Final = encode_tag(2, _BYTES)
"""``KeyValue.value``, an ``AnyValue``, whose fields are the following."""
_STRING_FIELD: Final = 1
_FALSE, _TRUE = encode_number(2, 0), encode_number(2, 1)
_INT: Final = encode_tag(3, _VARINT)
_DOUBLE: Final = encode_tag(4, _FIXED64)
_ARRAY: Final = 5
_ITEM: Final = 1
"""``ArrayValue.values``, an ``AnyValue`` again."""


def make_encoder(name: str, kind: ValueType) -> Encoder:
    """What writes the attribute of this name into a span."""
    return _MAKERS[kind](encode_field(1, encode_text(name)))


def _encode_attribute(key: bytes, value: bytes) -> bytes:
    size = encode_varint(len(value))
    length = encode_varint(len(key) + len(_VALUE) + len(size) + len(value))
    return b"".join((_ATTRIBUTE, length, key, _VALUE, size, value))


def _encode_string(key: bytes, text: str) -> bytes:
    return _encode_attribute(key, encode_field(_STRING_FIELD, encode_text(text)))


def _for_string(key: bytes) -> Encoder:
    remembered = lru_cache(_REMEMBERED)(lambda text: _encode_string(key, text))

    def encode(value: Any) -> bytes:
        if not isinstance(value, str):
            return b""
        return remembered(value) if len(value) <= _MAX_REMEMBERED_CHARACTERS else _encode_string(key, value)

    return encode


def _for_int(key: bytes) -> Encoder:
    remembered = lru_cache(_REMEMBERED)(
        lambda number: _encode_attribute(key, _INT + encode_varint(number % _UINT))
    )
    return lambda value: remembered(value) if type(value) is int and -MAX_INT <= value < MAX_INT else b""


def _for_double(key: bytes) -> Encoder:
    def encode(value: Any) -> bytes:
        try:
            number = float(value) if type(value) in (float, int) else math.nan
        except OverflowError:
            return b""
        return _encode_attribute(key, _DOUBLE + struct.pack("<d", number)) if math.isfinite(number) else b""

    return encode


def _for_boolean(key: bytes) -> Encoder:
    written = {False: _encode_attribute(key, _FALSE), True: _encode_attribute(key, _TRUE)}
    return lambda value: written[value] if isinstance(value, bool) else b""


def _for_strings(key: bytes) -> Encoder:
    encode_short = lru_cache(_REMEMBERED)(_encode_item)

    def encode(value: Any) -> bytes:
        items = [
            encode_short(item) if len(item) <= _MAX_REMEMBERED_CHARACTERS else _encode_item(item)
            for item in (value if isinstance(value, list) else ())
            if isinstance(item, str)
        ]
        return _encode_attribute(key, encode_field(_ARRAY, b"".join(items))) if items else b""

    return encode


def _encode_item(text: str) -> bytes:
    return encode_field(_ITEM, encode_field(_STRING_FIELD, encode_text(text)))


def _for_json(key: bytes) -> Encoder:
    return lambda value: _encode_attribute(key, encode_field(_STRING_FIELD, _write_json(value)))


def _write_json(value: Any) -> bytes:
    try:
        return to_json(value, inf_nan_mode="constants")
    except ValueError:  # half a character
        return encode_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


_MAKERS: Final[Mapping[ValueType, Callable[[bytes], Encoder]]] = {
    "string": _for_string,
    "int": _for_int,
    "double": _for_double,
    "boolean": _for_boolean,
    "string[]": _for_strings,
    "json": _for_json,
}
