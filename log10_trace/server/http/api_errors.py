"""Errors of the API: a status, a code and a message."""

from __future__ import annotations

from log10_trace.domain.json_slices import RecordFormatError
from log10_trace.errors import describe_exception
from log10_trace.server.store.errors import (
    CursorError,
    MatchError,
    SearchError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    UnstorableError,
)


class ApiError(Exception):
    """The request is answered with an error.

    Args:
        status: The HTTP status.
        code: One word for programs.
        message: A sentence for people. Never holds what was in the record.
        field: The field or parameter at fault, if it is one.
        retry_after_s: When to try again, in seconds, if that helps.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)

    def __repr__(self) -> str:
        return describe_exception(self)

    def describe(self) -> str:
        """The message, with the field at fault before it."""
        return f"{self.field}: {self.message}" if self.field else self.message

    def as_dict(self) -> dict[str, str | None]:
        """The body of the answer."""
        return {"code": self.code, "message": self.message, "field": self.field}


def unprocessable(field: str | None, message: str) -> ApiError:
    """422: the request was understood, and this field of it cannot be used."""
    return ApiError(422, "invalid", message, field=field)


def not_found(what: str) -> ApiError:
    """404, for what does not exist and for what is another organization's alike."""
    return ApiError(404, "not_found", f"There is no such {what}.")


def conflict(field: str, message: str) -> ApiError:
    """409: the request is in order, and does not go with what is stored."""
    return ApiError(409, "conflict", message, field=field)


def too_large(what: str, most: int) -> ApiError:
    """413: more than ``GET /api/v1/limits`` allows."""
    return ApiError(413, "too_large", f"{what} is larger than {most} bytes, the most that is taken.")


def forbidden(code: str, message: str, *, field: str | None = None) -> ApiError:
    """403: the key is known, and may not do this."""
    return ApiError(403, code, message, field=field)


def unavailable(message: str, retry_after_s: int = 1) -> ApiError:
    """503: not now."""
    return ApiError(503, "busy", message, retry_after_s=retry_after_s)


def from_format_error(error: RecordFormatError) -> ApiError:
    """What is wrong with the text of a record, as an answer."""
    return ApiError(400 if error.code == "invalid_json" else 422, error.code, str(error), field=error.field)


def from_store_error(error: StoreError) -> ApiError:
    """What the store could not do, as an answer."""
    message = str(error)
    if isinstance(error, StoreFullError):
        return ApiError(507, "full", message, retry_after_s=30)
    if isinstance(error, StoreBusyError | StoreClosedError):
        return unavailable(message)
    if isinstance(error, UnstorableError):
        return ApiError(422, "unstorable", message)
    if isinstance(error, MatchError):
        return conflict(error.field, message)
    if isinstance(error, CursorError | SearchError):
        return unprocessable("cursor" if isinstance(error, CursorError) else "q", message)
    return ApiError(503, "store", message, retry_after_s=5)
