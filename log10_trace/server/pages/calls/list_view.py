"""The list of calls: from summaries to rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from log10_trace.domain.marked_text import split_at_marks
from log10_trace.domain.prices import Prices
from log10_trace.server.pages import json_access
from log10_trace.server.pages.call_fields import FIELDS, CallFields, labels
from log10_trace.server.pages.calls.figures import FiguresView
from log10_trace.server.pages.filter_form import FilterForm
from log10_trace.server.store.data_types import CallSite, CompletionSummary, Page, Passage

_TOOL_CHARACTERS: Final = 80
"""Of a tool's answer, so that the model's answer still fits on the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One call of a list."""

    labels: CallFields
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    """US dollars."""
    request: str
    request_pieces: tuple[tuple[str, bool], ...]
    """The same in pieces, each with whether it is a word of the search; one piece without one."""
    tool: str
    response: str
    call_site: CallSite | None
    passage: Passage | None
    """Of a search: where its words occur."""

    @property
    def place(self) -> str:
        """The call site in short: the last two parts of the file's path, and the line."""
        if self.call_site is None:
            return ""
        file = "/".join(self.call_site.file.replace("\\", "/").split("/")[-2:])
        return file if self.call_site.line is None else f"{file}:{self.call_site.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsView:
    """A page of the list."""

    conditions: FilterForm
    rows: tuple[Row, ...] = ()
    older: str = ""
    """The address of the next page, empty on the last."""

    @property
    def is_first_page(self) -> bool:
        """Whether the newest calls are on it."""
        return not self.conditions.value("cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """Everything that the first page shows."""

    conditions: FilterForm
    rows: RowsView | None = None
    figures: FiguresView | None = None
    models: tuple[str, ...] = ()
    """Offered in the form, like ``tags``."""
    tags: tuple[str, ...] = ()
    fault: str = ""
    """Why nothing can be shown for these conditions."""


def rows(found: Page[CompletionSummary], prices: Prices) -> tuple[Row, ...]:
    """The rows of a page."""
    return tuple(row(summary, prices) for summary in found.items)


def row(summary: CompletionSummary, prices: Prices) -> Row:
    """A summary's row."""
    return Row(
        labels=labels(summary.id, json_access.values_of(summary, (*FIELDS, "response"))),
        model=summary.model or "",
        input_tokens=summary.input_tokens,
        output_tokens=summary.output_tokens,
        cost=summary.cost(prices),
        request=summary.preview_request,
        request_pieces=tuple(split_at_marks(summary.preview_request, summary.request_ranges)),
        tool=(summary.preview_tool or "")[:_TOOL_CHARACTERS],
        response=summary.preview_response,
        call_site=summary.call_site,
        passage=next(iter(summary.passages or ()), None),
    )


def rows_view(conditions: FilterForm, found: Page[CompletionSummary], prices: Prices) -> RowsView:
    """A page of the list, and the address of the next one."""
    address = conditions.address
    older = str(address.with_param("cursor", found.next_cursor)) if found.next_cursor else ""
    return RowsView(conditions=conditions, rows=rows(found, prices), older=older)
