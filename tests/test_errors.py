"""Exceptions: what their ``repr`` shows in a traceback, a log or a test's report."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from log10_trace import config, errors
from log10_trace.domain.json_slices import RecordFormatError
from log10_trace.export.spool.regular_file import NotRegularFileError
from log10_trace.export.spool.segment import UnusableSegmentError
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.store.errors import MatchError, StoreFullError

REPLY = httpx.Response(404, json={"code": "not_found"}, headers={"Set-Cookie": "secret"})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ConfigError("timeout", -1, "too small"),
         "ConfigError('timeout=-1 cannot be used: too small.', key='timeout', value=-1, reason='too small')"),
        (errors.NotFoundError("No such record.", status_code=404, body="{}", raw_response=REPLY),
         "NotFoundError('No such record.', status_code=404, body='{}')"),
        (errors.SetupError("Port 4680 is in use."), "SetupError('Port 4680 is in use.')"),
        (errors.APITimeoutError(), "APITimeoutError('The completions API did not answer in time.')"),
        (RecordFormatError("invalid", "It must be text.", "id"),
         "RecordFormatError('It must be text.', code='invalid', field='id')"),
        (MatchError("completion_id", "No match."), "MatchError('No match.', field='completion_id')"),
        (StoreFullError("The disk is full."), "StoreFullError('The disk is full.')"),
        (ApiError(422, "invalid", "It must be text.", field="id", headers={"Set-Cookie": "secret"}),
         "ApiError('It must be text.', status=422, code='invalid', field='id')"),
        (UnusableSegmentError("is not a segment"),
         "UnusableSegmentError('is not a segment', is_newer=False, is_transient=False)"),
        (NotRegularFileError("is a pipe", Path("/spool/1.seg")),
         f"NotRegularFileError('is a pipe', path={Path('/spool/1.seg')!r})"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_a_repr_shows_the_message_and_what_the_exception_holds(error: Exception, expected: str) -> None:
    """Field, value, status and code stand beside the message; headers and responses are left out."""
    assert repr(error) == expected


def test_a_long_body_is_shortened() -> None:
    """An error page of a proxy does not fill the traceback."""
    error = errors.ServerError("Failed.", status_code=502, body="x" * 100_000, raw_response=REPLY)

    assert len(repr(error)) < 400
    assert error.body == "x" * 100_000


def test_a_repr_shows_no_secret_of_a_setting() -> None:
    """What the message masks, the fields mask as well."""
    with pytest.raises(errors.ConfigError) as token:
        config.resolve({"token": "sk-secret\u00e9"}, environ={})
    with pytest.raises(errors.ConfigError) as url:
        config.resolve({"url": "http://user:sk-secret@host"}, environ={})

    assert "secret" not in repr(token.value) + repr(url.value)


def test_an_exception_that_was_not_initialized_has_a_repr() -> None:
    """Exceptions made by ``__new__`` alone, as copying and unpickling make them, can be shown."""
    assert repr(errors.ConfigError.__new__(errors.ConfigError)) == "ConfigError('')"
