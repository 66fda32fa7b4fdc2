"""Reads from the store what the page of a call shows, for the principal's organization."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.datastructures import QueryParams

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.domain.keys import Scope
from log10_trace.domain.prompt_digests import digest_prompt
from log10_trace.domain.text_extraction import request_texts
from log10_trace.server.http.api_errors import ApiError, not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.call.additions import MAX_COMPARED
from log10_trace.server.pages.call.call_view import CallView
from log10_trace.server.pages.call.request_code import request_field
from log10_trace.server.pages.call.surroundings import OfferedForm, Surroundings, read_grade
from log10_trace.server.pages.filter_form import filter_form_from
from log10_trace.server.pages.grade.entered import fill_in
from log10_trace.server.pages.urls import call_path
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.store.data_types import CompletionFilter, Neighbors, StoredCompletion
from log10_trace.server.store.errors import SearchError

_MAX_GRADES: Final = 20
_MAX_FORMS: Final = 5


def find_stored(context: RequestContext) -> StoredCompletion | None:
    """The record that the request's path names; None when there is none."""
    return context.store.completions.get(context.organization_id, completion_id(context))


def get_stored(context: RequestContext) -> StoredCompletion:
    """The record that the request's path names.

    Raises:
        ApiError: 404, when there is none.
    """
    found = find_stored(context)
    if found is None:
        raise not_found("completion")
    return found


def completion_id(context: RequestContext) -> str:
    """The id that the request's path names."""
    return context.path_name()


def read_list_conditions(context: RequestContext, of_id: str) -> Surroundings:
    """The list that the request's query describes, and nothing else of the call's surroundings."""
    given = context.request.query_params.multi_items()
    pairs = [(name, value) for name, value in given if name in FILTER_NAMES or name == "order"]
    return Surroundings(
        completion_id=of_id,
        address=replace(filter_form_from(pairs).address, path=call_path(of_id)),
        is_newest_first=("order", "oldest") not in pairs,
        in_list=Neighbors(),
        in_session=Neighbors(),
        may_delete=context.principal.has_scope(Scope.ADMIN),
    )


def read_surroundings(context: RequestContext, stored: StoredCompletion, view: CallView) -> Surroundings:
    """What stands around a call."""
    around = _read_feedback(context, read_list_conditions(context, stored.id), view)
    in_session = _read_neighbors_in_session(context, view)
    asks_for_tools = any(choice.turn.calls for choice in view.choices)
    return replace(
        around,
        in_list=_read_neighbors_in_list(context, around),
        in_session=in_session,
        earlier=_get(context, in_session.older),
        later=_get(context, in_session.newer) if asks_for_tools else None,
        prompt_digest=_digest(stored, view),
        can_repeat=bool(request_field(stored.fields)),
    )


def _read_neighbors_in_session(context: RequestContext, view: CallView) -> Neighbors:
    if not view.labels.session_id:
        return Neighbors()
    wanted = CompletionFilter(session_id=view.labels.session_id)
    return context.store.completions.find_neighbors(context.organization_id, view.labels.id, wanted)


def _read_neighbors_in_list(context: RequestContext, around: Surroundings) -> Neighbors:
    """None for conditions that cannot be used: the list itself says what is wrong with them."""
    pairs = [pair for pair in around.address.pairs if pair[0] in FILTER_NAMES]
    try:
        wanted = parse_filters(RequestParams(QueryParams(pairs), FILTER_NAMES))
        return context.store.completions.find_neighbors(context.organization_id, around.completion_id, wanted)
    except (ApiError, SearchError):
        return Neighbors()


def _digest(stored: StoredCompletion, view: CallView) -> str | None:
    """By which the calls that asked the same are found; None where the view has not the whole request."""
    is_whole = len(stored.fields.get("request", "")) <= MAX_COMPARED
    return digest_prompt(request_texts(view.request)) if is_whole else None


def _read_feedback(context: RequestContext, around: Surroundings, view: CallView) -> Surroundings:
    """With the feedback that was given, and the forms of tasks that select the call."""
    store, organization_id = context.store.feedback, context.organization_id
    given = store.list(organization_id, completion_id=around.completion_id, limit=_MAX_GRADES).items
    may_grade = context.principal.has_scope(Scope.FEEDBACK)
    tasks = store.tasks(organization_id) if given or (may_grade and view.labels.tags) else []
    names = {task.id: task.name for task in tasks}
    asking = [task for task in tasks if set(view.labels.tags).intersection(task.completion_tags_selector)]
    forms = [OfferedForm(task=task, entered=fill_in(task, "")) for task in asking[:_MAX_FORMS] if may_grade]
    return replace(around, feedback=tuple(read_grade(each, names) for each in given), forms=tuple(forms))


def _get(context: RequestContext, of_id: str | None) -> StoredCompletion | None:
    return None if of_id is None else context.store.completions.get(context.organization_id, of_id)
