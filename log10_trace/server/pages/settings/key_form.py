"""The form that makes a key: what was typed, and whether a key can be made of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from log10_trace.domain.keys import ID_BYTES, Scope
from log10_trace.domain.times import DAY_MS
from log10_trace.server.http.forms import SubmittedForm

MAX_NAME: Final = 100
LIFETIMES: Final = {"": "no end", "7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}
"""Days, and what a person chooses."""
_ID: Final = re.compile(rf"[0-9a-f]{{{2 * ID_BYTES}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyForm:
    """The form as it was submitted, or as it is first shown."""

    key_id: str = ""
    name: str = ""
    scopes: tuple[str, ...] = (Scope.INGEST.value,)
    lifetime: str = ""

    def find_fault(self) -> str:
        """Why no key can be made of it, for people; empty when one can."""
        if not _ID.fullmatch(self.key_id):
            return "The form is not whole; open the settings again."
        if len(self.name) > MAX_NAME or not self.name.isprintable():
            return f"The name can have {MAX_NAME} characters, all of them visible."
        if not self.scopes or not set(self.scopes) <= {scope.value for scope in Scope}:
            return "Choose what the key may do."
        return "" if self.lifetime in LIFETIMES else "Choose when the key ends."

    def expires_at_ms(self, now_ms: int) -> int | None:
        """When the key ends; None for a key without an end."""
        return now_ms + int(self.lifetime) * DAY_MS if self.lifetime else None


def read_key_form(form: SubmittedForm) -> KeyForm:
    """What was submitted."""
    return KeyForm(
        key_id=form.text("id"),
        name=form.text("name").strip(),
        scopes=form.texts("scope"),
        lifetime=form.text("days"),
    )
