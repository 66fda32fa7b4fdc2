"""What commands that listen on a port share: their options, and the extra that they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated, Final, TypeAlias

import typer

from log10_trace.errors import MissingExtraError

LOOPBACK: Final = "127.0.0.1"


class LogLevel(str, Enum):
    """From where on the log is written; ``info`` has a line for each request."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Host: TypeAlias = Annotated[str, typer.Option(help="Address to listen on.")]
Port: TypeAlias = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Log: TypeAlias = Annotated[
    LogLevel, typer.Option(help="Log level; the log is written to standard error, one JSON object a line.")
]


@contextmanager
def requiring_server_extra(what: str) -> Iterator[None]:
    """Import here what the extra ``server`` brings; ``what`` needs it.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        extra = "server"
        raise MissingExtraError(what, extra) from error
