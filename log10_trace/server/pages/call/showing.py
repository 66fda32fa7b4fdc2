"""Shows the page of a call: reads what it needs and renders it."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.call import view_choice
from log10_trace.server.pages.call.call_page import call_page
from log10_trace.server.pages.call.call_view import call_view
from log10_trace.server.pages.call.deletion import show_deleted
from log10_trace.server.pages.call.reading import find_stored, read_surroundings
from log10_trace.server.pages.call.surroundings import OfferedForm
from log10_trace.server.pages.rendering import page


def show_call(context: RequestContext, refused: OfferedForm | None = None, status: int = 200) -> Response:
    """The page of the call that the request's path names; with a form of feedback that was refused.

    Raises:
        ApiError: 404, when there is no such call and none is known to have been deleted.
    """
    stored = find_stored(context)
    if stored is None:
        return show_deleted(context)
    view = call_view(stored, whole=context.request.query_params.get("show") == "all")
    cost = context.store.reports.prices.cost_of(view.charges) if view.charges else None
    around = read_surroundings(context, stored, view)
    if refused is not None:
        others = (form for form in around.forms if form.task.id != refused.task.id)
        around = replace(around, forms=(refused, *others))
    shown = call_page(view, around, rendered=view_choice.is_rendered(context.request))
    answer = page(
        "call.html",
        status,
        root=context.root_path,
        view=view,
        shown=shown,
        texts=shown.texts,
        whole_query=around.whole_query,
        cost=cost,
    )
    view_choice.remember(context, answer)
    return answer
