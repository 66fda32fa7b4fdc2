"""What the operations on sessions and sources answer with."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.models.base import Model
from log10_trace.models.feedback import Session, Source
from log10_trace.models.response import Response


class CreateSessionResponseBody(Model):
    """The session that was made."""

    session: Session


@dataclass(frozen=True, kw_only=True)
class CreateSessionResponse(Response):
    """``object.session`` was made."""

    object: CreateSessionResponseBody


@dataclass(frozen=True, kw_only=True)
class GetSessionResponse(Response):
    """The session asked for."""

    session: Session


@dataclass(frozen=True, kw_only=True)
class ListSourcesResponse(Response):
    """All processes that records came from."""

    sources: list[Source]


@dataclass(frozen=True, kw_only=True)
class GetSourceResponse(Response):
    """The process asked for."""

    source: Source
