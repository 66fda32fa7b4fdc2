"""What stands around a call: its neighbors, the way back to the list, the feedback on it. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from log10_trace.domain.json_slices import parse_value
from log10_trace.server.pages.grade.entered import Entered
from log10_trace.server.pages.urls import HOME, PageURL, call_path
from log10_trace.server.store.data_types import Feedback, FeedbackTask, Neighbors, StoredCompletion


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """Feedback on the call."""

    task: str
    """The name of the task, or its id."""
    values: tuple[tuple[str, str], ...]
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedForm:
    """A form by which the reader can give feedback on the call."""

    task: FeedbackTask
    entered: Entered


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a call."""

    completion_id: str
    address: PageURL
    """Of this page: its path, and the conditions of the list that the reader comes from."""
    is_newest_first: bool
    """The order of that list."""
    in_list: Neighbors
    in_session: Neighbors
    earlier: StoredCompletion | None = None
    """The call before it in its session."""
    later: StoredCompletion | None = None
    """The call after it in its session, where that may have results of this call's tool calls."""
    feedback: tuple[Grade, ...] = ()
    forms: tuple[OfferedForm, ...] = ()
    prompt_digest: str | None = None
    """By which the calls that asked the same are found."""
    can_repeat: bool = False
    """Whether the record has a request that can be sent again."""
    may_delete: bool = False

    @property
    def listed(self) -> PageURL:
        """The list that the reader comes from, as it was filtered."""
        return self.address.with_path(HOME)

    @property
    def before_in_list(self) -> str | None:
        """The call that stands before this one in the list."""
        return self.in_list.newer if self.is_newest_first else self.in_list.older

    @property
    def after_in_list(self) -> str | None:
        """The call that stands after this one in the list."""
        return self.in_list.older if self.is_newest_first else self.in_list.newer

    @property
    def query(self) -> str:
        """The conditions of the list as the query of an address, ``?`` included; empty without any."""
        return str(self.address).removeprefix(self.address.path)

    @property
    def whole_query(self) -> str:
        """The query of this page with as much as a page can show."""
        return str(self.address.with_param("show", "all")).removeprefix(self.address.path)

    @property
    def show_plain(self) -> PageURL:
        """This page with its texts as they came."""
        return self.address.with_param("view", "plain")

    @property
    def show_rendered(self) -> PageURL:
        """This page with its Markdown rendered."""
        return self.address.with_param("view", "rendered")

    @property
    def replay_command(self) -> str:
        """The line of the command line that sends the request again."""
        end_of_options = "-- " if self.completion_id.startswith("-") else ""
        return f"log10-trace replay {end_of_options}{shlex.quote(self.completion_id)}"

    def call_path(self, completion_id: str) -> PageURL:
        """The page of another call, reached from the same list."""
        return self.address.with_path(call_path(completion_id))


def read_grade(feedback: Feedback, task_names: Mapping[str, str]) -> Grade:
    """What the page shows of feedback."""
    values = parse_value(feedback.json_values)
    pairs = values.items() if isinstance(values, dict) else [("value", values)]
    return Grade(
        task=task_names.get(feedback.task_id) or feedback.task_id,
        values=tuple((str(name), _spell(value)) for name, value in pairs),
        comment=feedback.comment or "",
    )


def _spell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
