"""What the operation on login codes answers with."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.models.base import Model
from log10_trace.models.response import Response


class LoginCode(Model):
    """A code that signs one browser in, once: ``/login?code=CODE&next=PATH``."""

    code: str
    expires_in_s: int
    """Seconds within which it is used."""


@dataclass(frozen=True, kw_only=True)
class CreateLoginCodeResponse(Response):
    """The new code."""

    login_code: LoginCode
