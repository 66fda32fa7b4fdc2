"""The routes of the Compare page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain import formatting
from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.call_parts import MAX_MESSAGES, Part
from log10_trace.domain.comparison.call_comparison import FIELDS, CallComparison, compare_calls
from log10_trace.domain.comparison.comparison_json import comparison_to_dict
from log10_trace.domain.ids import id_time_ms
from log10_trace.domain.json_values import read_mapping
from log10_trace.server.http.api_errors import ApiError, unprocessable
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages import call_fields, json_access
from log10_trace.server.pages.compare.compare_view import ComparedCall, compare_view
from log10_trace.server.pages.compare.markdown import comparison_markdown
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.urls import COMPARE

_GIST_CHARACTERS: Final = 160
_CALLS: Final = 2


@dataclass(frozen=True, slots=True)
class _Pair:
    """The ids of the two calls; empty where none is given."""

    a: str
    b: str


async def compare(context: RequestContext) -> Response:
    """Two calls side by side; without two calls, a form that asks for them."""
    return await context.read(_compare, context)


async def compare_json(context: RequestContext) -> Response:
    """The comparison for programs."""
    return json_response(comparison_to_dict(await context.read(_read_comparison, context)))


async def compare_markdown(context: RequestContext) -> Response:
    """The comparison as Markdown."""
    text = comparison_markdown(await context.read(_read_comparison, context))
    # What no encoding takes was in a record: half of a surrogate pair.
    return Response(text.encode("utf-8", "replace"), media_type="text/markdown")


def _read_pair(context: RequestContext) -> _Pair:
    query = RequestParams(context.request.query_params, ("a", "b", "id"))
    # Ticked in a list that has the newest first: what changed is told from the older call to the newer.
    ticked = sorted(query.values("id"), key=lambda ticked_id: id_time_ms(ticked_id) or 0)
    if len(ticked) > _CALLS:
        raise unprocessable("id", f"{len(ticked)} calls are chosen; two can be compared.")
    first, second = (*ticked, "", "")[:_CALLS]
    return _Pair(query.text("a") or first, query.text("b") or (second if first else ""))


def _get_values(context: RequestContext, completion_id: str, name: str) -> dict[str, Any]:
    """The fields of a call that are compared; of another organization's call, what there is of none."""
    stored = context.store.completions.get(context.organization_id, completion_id)
    if stored is None:
        deleted_ms = context.store.completions.find_deletion(context.organization_id, completion_id)
        reason = "There is no such call."
        if deleted_ms is not None:
            reason = f"This call was deleted on {formatting.clock(deleted_ms)[:10]}."
        raise ApiError(404, "not_found", reason, field=name)
    values = json_access.values_of(stored, {*FIELDS, *call_fields.FIELDS}, MAX_MESSAGES)
    return {**values, "id": stored.id}


def _read_comparison(context: RequestContext) -> CallComparison:
    pair = _read_pair(context)
    for name, wanted in (("a", pair.a), ("b", pair.b)):
        if not wanted:
            raise unprocessable(name, "The id of a call is needed.")
    a, b = _get_values(context, pair.a, "a"), _get_values(context, pair.b, "b")
    return compare_calls(a, b, context.store.reports.prices)


def _compare(context: RequestContext) -> Response:
    pair, shown = _Pair("", ""), {"view": None, "fault": "", "running": ""}
    status = 200
    try:
        pair = _read_pair(context)
        if pair.a and pair.b:
            shown |= _read_view(context, pair)
    except ApiError as refusal:
        status, shown["fault"] = refusal.status, refusal.describe()
    return page("compare.html", status, root=context.root_path, pair=pair, **shown)


def _read_view(context: RequestContext, pair: _Pair) -> dict[str, Any]:
    a, b = _get_values(context, pair.a, "a"), _get_values(context, pair.b, "b")
    comparison = compare_calls(a, b, context.store.reports.prices)
    asked = _list_asked(comparison)
    calls = [_view_call(values, parts) for values, parts in zip((a, b), asked, strict=True)]
    running = [name for name, call in zip("ab", calls, strict=True) if call.labels.status == STARTED]
    return {"view": compare_view(comparison, *calls), "running": running}


def _list_asked(comparison: CallComparison) -> tuple[list[Part], list[Part]]:
    """The messages of each of the calls, in order."""
    rows = [row for section in comparison.sections if section.title == "Messages" for row in section.rows]
    return [row.a for row in rows if row.a is not None], [row.b for row in rows if row.b is not None]


def _view_call(values: dict[str, Any], asked: Sequence[Part]) -> ComparedCall:
    request = read_mapping(values.get("request"))
    last = next((part.text for part in reversed(asked) if part.title.startswith(("user", "prompt"))), "")
    gist = " ".join(last[: 4 * _GIST_CHARACTERS].split())
    return ComparedCall(
        labels=call_fields.labels(values["id"], values),
        model=json_access.short_text(request.get("model")),
        gist=gist if len(gist) <= _GIST_CHARACTERS else f"{gist[:_GIST_CHARACTERS]}…",
    )


OPERATIONS: Final = (
    Operation("GET", COMPARE, compare, READ),
    Operation("GET", f"{COMPARE}.json", compare_json, READ),
    Operation("GET", f"{COMPARE}.md", compare_markdown, READ),
)
