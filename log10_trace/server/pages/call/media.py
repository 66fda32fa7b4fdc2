"""Pictures and sound that came within a record, as what they are. Pure.

The content decides on the type, not what the record says of it: a browser is given the forms that it only
draws or plays, and never a document such as SVG.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from log10_trace.server.pages.content_parts import Part
from log10_trace.server.pages.messages import Message

_PLACE: Final = re.compile(r"(asked|answered)-([1-9][0-9]{0,8})-([1-9][0-9]{0,8})")
_STARTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a sound."""

    content: bytes
    type: str


def find_part(
    place: str, asked: Callable[[], tuple[Message, ...]], answered: Callable[[], tuple[Message, ...]]
) -> Part | None:
    """The part at a place such as ``asked-3-1``: first part of the third message; None when there is none."""
    named = _PLACE.fullmatch(place)
    if named is None:
        return None
    number, wanted = 1, int(named[2])
    for message in (asked if named[1] == "asked" else answered)():
        if number == wanted and int(named[3]) <= len(message.parts):
            return message.parts[int(named[3]) - 1]
        number += message.omitted or 1
    return None


def read_media(part: Part) -> Media | None:
    """What the part carries; None when it is no picture or sound that a browser may be given."""
    if part.kind not in ("image", "audio"):
        return None
    encoded = part.text.partition(",")[2] if part.kind == "image" else part.text
    try:
        content = binascii.a2b_base64(encoded)
    except ValueError:
        return None
    found = _RIFF.get(content[8:12], "") if content[:4] == b"RIFF" else ""
    media_type = found or next((kind for start, kind in _STARTS if content.startswith(start)), "")
    return Media(content, media_type) if media_type.startswith(f"{part.kind}/") else None
