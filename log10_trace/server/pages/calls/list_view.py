"""The list of calls: from summaries to rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.server.pages import json_access
from log10_trace.server.pages.call_fields import FIELDS, CallFields, labels
from log10_trace.server.pages.calls.stats_panel import StatsPanel
from log10_trace.server.pages.filter_form import FilterForm
from log10_trace.server.store.data_types import CompletionSummary, Page, SessionSummary


@dataclass(frozen=True, slots=True)
class Row:
    """One call of a list."""

    labels: CallFields
    model: str
    input_tokens: int | None
    output_tokens: int | None
    request: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """Everything that the first page shows."""

    conditions: FilterForm
    rows: tuple[Row, ...] = ()
    older: str = ""
    """The address of the next page, empty on the last."""
    stats_panel: StatsPanel | None = None
    models: tuple[str, ...] = ()
    """Offered in the form, like ``tags``."""
    tags: tuple[str, ...] = ()
    fault: str = ""
    """Why nothing can be shown for these conditions."""

    @property
    def is_first_page(self) -> bool:
        """Whether the newest calls are on it."""
        return not self.conditions.value("cursor")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session of a list, and the call that was made last in it, if it is still there."""

    session: SessionSummary
    last: Row | None


def rows(found: Page[CompletionSummary]) -> tuple[Row, ...]:
    """The rows of a page."""
    return tuple(row(summary) for summary in found.items)


def row(summary: CompletionSummary) -> Row:
    """A summary's row."""
    return Row(
        labels=labels(summary.id, json_access.values_of(summary, (*FIELDS, "response"))),
        model=summary.model or "",
        input_tokens=summary.input_tokens,
        output_tokens=summary.output_tokens,
        request=summary.preview_request,
        response=summary.preview_response,
    )


def older(conditions: FilterForm, found: Page[CompletionSummary]) -> str:
    """URL of the next page; empty on the last page."""
    if found.next_cursor is None:
        return ""
    return str(conditions.address.with_param("cursor", found.next_cursor))
