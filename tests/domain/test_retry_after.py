"""The header Retry-After."""

from __future__ import annotations

from math import inf

import pytest

from log10_trace.domain.retry_after import parse_retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0), ("7", 7.0), (" 7 ", 7.0), ("0.5", 0.5), ("inf", inf),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0), ("Thu, 01 Jan 1970 00:02:00 -0000", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (None, None), ("", None), ("-3", None), ("-inf", None), ("nan", None), ("soon", None), ("12 s", None),
        ("Fri, 32 Dec 9999 23:59:59 GMT", None), ("\xb2", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    """A date that is over asks for no wait; other text, and less than nothing, is no header."""
    assert parse_retry_after(header, now=100.0) == seconds
