"""The filters that list, search, export, tail and delete share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict


class Filters(TypedDict, total=False):
    """Which completions are meant; a filter that is absent or None leaves everything in."""

    tag: str | Sequence[str] | None
    tag_match: Literal["any", "all", "none"] | None
    """Whether one of the tags is enough, or all are needed, or none may be there."""
    metadata: Mapping[str, str | int | float | bool] | Sequence[str] | str | None
    """``{"user_id": 42}`` or ``"user_id=42"``; all of them must be there."""
    session_id: str | None
    status: str | None
    kind: str | None
    model: str | None
    failure_kind: str | None
    file: str | None
    """The file of the stack's last frame."""
    function: str | None
    """The function of the stack's last frame."""
    prompt_digest: str | None
    """The digest of the request's text."""
    trace_id: str | None
    """The OpenTelemetry trace in which the call was made."""
    since: str | datetime | None
    """A moment (RFC 3339), or how long ago: ``2h``."""
    until: str | datetime | None
    min_duration: float | None
    """Seconds."""
    max_duration: float | None
    min_tokens: int | None
    max_tokens: int | None
    q: str | None
    """Words to look for; ``in:request`` or ``in:response`` among them says where."""
