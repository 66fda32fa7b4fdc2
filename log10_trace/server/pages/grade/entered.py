"""What stands in the form of a completion that is graded. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from log10_trace.domain.filled_form import FilledForm, fill_form
from log10_trace.domain.ids import new_id
from log10_trace.domain.schema_form import build_form
from log10_trace.domain.submitted_form import read_form
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.forms import SubmittedForm
from log10_trace.server.pages.grade.sitting import is_feedback_id
from log10_trace.server.store.data_types import Feedback, FeedbackTask
from log10_trace.server.validation.json_schema import SchemaMismatchError

_CHANGED: Final = "The task was changed meanwhile. Answer its new form; the comment is still here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The values and the comment, complete or not."""

    filled: FilledForm
    comment: str = ""
    feedback_id: str
    """Made with the form, so that submitting it twice stores it once."""

    def with_error(self, error: ApiError) -> Entered:
        """The form with what the API refuses, at the field where it is."""
        if isinstance(error, SchemaMismatchError):
            return replace(self, filled=self.filled.with_error(error.place, error.detail))
        return replace(self, filled=self.filled.with_error((), error.message))

    def to_body(self, task_id: str, completion_id: str) -> bytes:
        """The body of ``POST /api/v1/feedback``."""
        fields: dict[str, Any] = {"task_id": task_id, "completion_ids": [completion_id]}
        if self.comment:
            fields["comment"] = self.comment
        head = json.dumps(fields)[:-1]
        return f'{head},"json_values":{self.filled.json_values}}}'.encode("utf-8", "surrogatepass")


def read_entered(task: FeedbackTask, form: SubmittedForm) -> Entered:
    """What a browser submitted; with an error if the task has another schema by now."""
    schema_form = build_form(task.json_schema)
    filled = read_form(schema_form, form.pairs)
    if form.text("schema") != schema_form.digest:
        filled = fill_form(schema_form).with_error((), _CHANGED)
    feedback_id = form.text("feedback_id")
    return Entered(
        filled=filled,
        comment=form.text("comment").replace("\r\n", "\n"),
        feedback_id=feedback_id if is_feedback_id(feedback_id) else new_id(),
    )


def write_draft(feedback: Feedback) -> str:
    """Feedback as the draft of a lease."""
    return json.dumps({"values": json.loads(feedback.json_values), "comment": feedback.comment or ""})


def fill_in(task: FeedbackTask, draft: str) -> Entered:
    """The form with a draft in it; with defaults if there is none."""
    form = build_form(task.json_schema)
    if not draft:
        return Entered(filled=fill_form(form), feedback_id=new_id())
    held: dict[str, Any] = json.loads(draft)
    return Entered(filled=fill_form(form, held["values"]), comment=held["comment"], feedback_id=new_id())
