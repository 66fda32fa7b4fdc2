"""What a person enters for a new task, and what the API is told of it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from log10_trace.domain.filled_form import FilledForm, fill_form
from log10_trace.domain.schema_form import build_form
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.forms import SubmittedForm
from log10_trace.server.validation.json_schema import SchemaMismatchError


def _schema(required: list[str], **properties: dict[str, Any]) -> str:
    return json.dumps({"type": "object", "properties": properties, "required": required}, indent=2)


EXAMPLES: Final = {
    "verdict": (
        "Good or bad",
        _schema(
            ["verdict"],
            verdict={"enum": ["good", "bad"], "title": "Verdict"},
            reason={"type": "string", "title": "Why"},
        ),
    ),
    "rating": (
        "Rating from 1 to 5",
        _schema(
            ["rating"],
            rating={
                "type": "integer",
                "minimum": 1,
                "maximum": 5,
                "title": "Rating",
                "description": "5 is best.",
            },
        ),
    ),
    "labels": (
        "Several labels",
        _schema(
            ["correct", "problems"],
            correct={"type": "boolean", "title": "Is the answer correct?"},
            problems={
                "type": "array",
                "title": "Problems",
                "items": {"enum": ["made up", "incomplete", "wrong tone", "unsafe"]},
            },
        ),
    ),
}
"""Schemas to begin with: name, title and text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """The form of a new task as it is filled in."""

    name: str = ""
    instruction: str = ""
    schema: str = ""
    tags: str = ""
    """Separated by commas or line breaks."""
    errors: tuple[tuple[str, str], ...] = ()
    """Names of fields and what is wrong with them."""
    preview: FilledForm | None = None

    def error(self, field: str) -> str:
        """What is wrong with a field; empty for nothing."""
        return dict(self.errors).get(field, "")

    @property
    def tag_list(self) -> tuple[str, ...]:
        """The tags, each once."""
        parts = (part.strip() for part in self.tags.replace("\n", ",").split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def with_error(self, field: str, message: str) -> NewTask:
        """The form with one more error."""
        return replace(self, errors=(*self.errors, (field, message)))

    def with_api_error(self, error: ApiError) -> NewTask:
        """The form with what the API refuses."""
        field = {"json_schema": "schema", "completion_tags_selector": "tags"}.get(error.field or "", "name")
        field = error.field if error.field == "instruction" else field
        if isinstance(error, SchemaMismatchError):
            place = "/".join(map(str, error.place))
            return self.with_error(field or "name", f"At /{place}: {error.detail}")
        return self.with_error(field or "name", error.message)

    def with_preview(self) -> NewTask:
        """The form with the form that its valid schema makes."""
        return replace(self, preview=fill_form(build_form(self.schema)))

    def to_body(self) -> bytes:
        """The body of ``POST /api/v1/feedback_task``."""
        fields = {
            "name": self.name,
            "instruction": self.instruction,
            "completion_tags_selector": self.tag_list,
        }
        texts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in fields.items()]
        return f'{{{",".join(texts)},"json_schema":{self.schema}}}'.encode("utf-8", "surrogatepass")


def read_new_task(form: SubmittedForm, *, is_complete: bool) -> NewTask:
    """What was entered, with errors for a schema that is not a JSON object and for what is missing.

    Args:
        form: What the browser submitted.
        is_complete: Whether name and tags must be there.
    """
    name, instruction, schema, tags = (
        form.text(each).replace("\r\n", "\n") for each in ("name", "instruction", "schema", "tags")
    )
    entered = NewTask(name=name, instruction=instruction, schema=schema, tags=tags)
    if is_complete and not entered.name.strip():
        entered = entered.with_error("name", "A name is required.")
    if is_complete and not entered.tag_list:
        entered = entered.with_error("tags", "At least one tag is required: it selects the calls to grade.")
    return _check_json(entered)


def _check_json(entered: NewTask) -> NewTask:
    try:
        schema = json.loads(entered.schema)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return entered.with_error("schema", f"This is not JSON: {error.msg} ({place}).")
    except (ValueError, RecursionError):
        return entered.with_error("schema", "This is not JSON that can be stored.")
    if not isinstance(schema, dict):
        return entered.with_error("schema", "A JSON object is needed.")
    return entered
