"""The fields of a form that a browser submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.request_context import RequestContext

FORM_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """Names and texts, in the order of the form; a name may come several times."""

    pairs: tuple[tuple[str, str], ...]

    def text(self, name: str) -> str:
        """The last text of this name; empty when there is none."""
        return next((text for given, text in reversed(self.pairs) if given == name), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Every text of this name."""
        return tuple(text for given, text in self.pairs if given == name)


async def read_form(context: RequestContext) -> SubmittedForm:
    """The form in the request's body.

    Raises:
        ApiError: it is something else, too large, or names another organization than the key's.
    """
    declared = context.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != FORM_TYPE:
        raise ApiError(415, "not_a_form", "A form is needed.", field="Content-Type")
    raw = await context.body(context.service.limits.form_bytes)
    try:
        pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ApiError(400, "not_a_form", f"The form has more than {_MAX_FIELDS} fields.") from None
    form = SubmittedForm(tuple(pairs))
    context.check_organization(form.text("organization_id"))
    return form
