"""Whether a body tells of an error, as far as can be said without parsing it.

Apart from ``credentials``, which masks what such a body repeats: every call is looked at, and few fail.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"
"""Stands where a credential stood."""

_ERROR: Final = re.compile(rb'"error"(?:\s*:\s*[^\sn]|\s*[,}])')
_NAME: Final = b'"error"'
"""What every match begins with."""
_HEAD: Final = 1024
"""So far into a long body, and so near to its end, an error is looked for."""


def tells_of_error(body: bytes, *, whole: bool) -> bool:
    """Whether a body with a good status has an error in it: all of it is read, or its head and its end."""
    part = body if whole or len(body) <= 2 * _HEAD else body[:_HEAD] + body[-_HEAD:]
    # Nearly no body has the name at all, and ``find`` reads on faster than the expression does.
    at = part.find(_NAME)
    return at >= 0 and _ERROR.search(part, at) is not None
