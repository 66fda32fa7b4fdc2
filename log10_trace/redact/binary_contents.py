"""Images, sounds and files inside of JSON: data URLs and fields in base64. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final, NamedTuple

DATA_URL: Final = re.compile(
    r"data:(?P<type>(?:application|audio|font|image|model|text|video)/[\w.+-]{1,80})(?:;[\w-]{1,40}=[\w.\"-]{1,80}){0,4}"
    r";base64,(?P<payload>[A-Za-z0-9+/_-]*={0,2})",
    re.IGNORECASE,
)


class Binary(NamedTuple):
    """What a text in base64 encodes."""

    media_type: str
    """``image/png``."""
    content: bytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.content)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


def read_data_url(text: str) -> Binary | None:
    """What a data URL in base64 holds; None when the text is not one."""
    match = DATA_URL.fullmatch(text) if text[:5].lower() == "data:" else None
    return None if match is None else read_base64(match["payload"], match["type"].lower())


def read_base64(text: str, media_type: str) -> Binary | None:
    """What a text in base64, also that of URLs, encodes; None when it is not base64."""
    try:
        raw = text.encode("ascii").translate(_FROM_URL_SAFE)
        return Binary(media_type, base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True))
    except (UnicodeEncodeError, binascii.Error):
        return None


_FROM_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
