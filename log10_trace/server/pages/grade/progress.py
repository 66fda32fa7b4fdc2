"""How far the grading of tasks is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from log10_trace.domain.schema_form import build_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.grade.request import Graders
from log10_trace.server.pages.urls import HOME, PageURL
from log10_trace.server.store.data_types import CompletionFilter, FeedbackTask, GradingSummary, MatchCount

_COUNT_S: Final = 0.03
"""For counting what the tasks of a page select, where roll-ups do not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """A task, what it selects, and how much of that is graded."""

    task: FeedbackTask
    asks: tuple[str, ...]
    """The titles of what it asks for."""
    selected: MatchCount
    summary: GradingSummary
    graders: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether both counts are exact, and the graded are among the selected."""
        return self.selected.is_exact and self.summary.is_exact and self.summary.graded <= self.selected.calls

    @property
    def selected_address(self) -> PageURL:
        """The list of what the task selects."""
        return PageURL(HOME, tuple(("tag", tag) for tag in self.task.completion_tags_selector))


def measure_progress(context: RequestContext, tasks: Sequence[FeedbackTask]) -> list[TaskProgress]:
    """The progress of some tasks."""
    summaries = [context.store.grading_queue.summarize(context.organization_id, task.id) for task in tasks]
    graders = Graders(context)
    timeout_s = _COUNT_S / max(1, len(tasks))
    return [
        TaskProgress(
            task=task,
            asks=_list_titles(task),
            selected=_count_selected(context, task, timeout_s),
            summary=summary,
            graders=tuple(map(graders.name, summary.key_ids)),
        )
        for task, summary in zip(tasks, summaries, strict=True)
    ]


def _count_selected(context: RequestContext, task: FeedbackTask, timeout_s: float) -> MatchCount:
    if not task.completion_tags_selector:
        return MatchCount(calls=0, is_exact=True)
    wanted = CompletionFilter(tags=task.completion_tags_selector)
    return context.store.completions.count(context.organization_id, wanted, timeout_s=timeout_s)


def _list_titles(task: FeedbackTask) -> tuple[str, ...]:
    form = build_form(task.json_schema)
    return () if form.is_whole else tuple(field.title for field in form.fields)
