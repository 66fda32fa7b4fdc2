"""Handing out completions: the next that waits is leased to the sitting that asks."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import RedirectResponse, Response

from log10_trace.server.http.forms import read_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.grade.request import find_task, now_ms
from log10_trace.server.pages.grade.sitting import Sitting, read_sitting
from log10_trace.server.pages.urls import grading_path, task_path
from log10_trace.server.store.data_types import FeedbackTask, GradingCandidate
from log10_trace.server.store.errors import CursorError

LEASE_MS: Final = 15 * 60_000
"""How long a completion is handed out to nobody else."""
SKIPPED: Final = "skipped"
"""How a sitting ended: with completions that it skipped, or that came meanwhile."""
_ALL_GRADED: Final = "graded"
_CANDIDATES: Final = 20
_ATTEMPTS: Final = 5
"""Looks for candidates, when other graders are quicker to lease all that were found."""


async def hand_out_next(context: RequestContext) -> Response:
    """Lead to the next completion: the first, the one after a skipped one, or another grader's."""
    form = await read_form(context)
    task = await context.read(find_task, context)
    sitting = read_sitting(form.texts)
    if form.text("take_over"):
        return await _take_over(context, task, sitting)
    return await lead_to_next(context, task, sitting)


async def lead_to_next(context: RequestContext, task: FeedbackTask, sitting: Sitting) -> Response:
    """Lease the next completion after the sitting's cursor and lead to it; at the end, to the task."""
    for _ in range(_ATTEMPTS):
        candidates = await context.read(list_candidates, context, task, sitting, limit=_CANDIDATES)
        leased = await lease(context, task, [each.completion_id for each in candidates], sitting)
        for each in candidates:
            if each.completion_id == leased:
                return lead_to(context, task, each.completion_id, sitting.at(each.cursor))
        if not candidates:
            break
    others = await context.read(list_candidates, context, task, sitting.at(""), limit=1)
    ended = sitting.address(task_path(task.id)).with_param("ended", SKIPPED if others else _ALL_GRADED)
    return RedirectResponse(f"{context.root_path}{ended}", 303)


def lead_to(context: RequestContext, task: FeedbackTask, completion_id: str, sitting: Sitting) -> Response:
    """Lead to the page on which a completion is graded."""
    address = sitting.address(grading_path(task.id, completion_id))
    return RedirectResponse(f"{context.root_path}{address}", 303)


async def lease(
    context: RequestContext,
    task: FeedbackTask,
    completion_ids: list[str],
    sitting: Sitting,
    *,
    take_over: bool = False,
    draft: str = "",
) -> str | None:
    """Lease the first of the completions that waits to the sitting; None when none does."""
    now = now_ms()
    pending = context.store.grading_queue.lease(
        context.organization_id,
        task.id,
        completion_ids,
        holder=sitting.holder,
        now_ms=now,
        expires_at_ms=now + LEASE_MS,
        take_over=take_over,
        draft=draft,
    )
    return await asyncio.wrap_future(pending)


def list_candidates(
    context: RequestContext, task: FeedbackTask, sitting: Sitting, *, limit: int
) -> list[GradingCandidate]:
    """Completions that may be handed out after the sitting's cursor."""

    def find(cursor: str | None) -> list[GradingCandidate]:
        return context.store.grading_queue.list_candidates(
            context.organization_id,
            task,
            holder=sitting.holder,
            now_ms=now_ms(),
            limit=limit,
            cursor=cursor,
        )

    try:
        return find(sitting.cursor or None)
    except CursorError:
        return find(None)


async def _take_over(context: RequestContext, task: FeedbackTask, sitting: Sitting) -> Response:
    """Lead to the completion that another grader has had for longest."""
    leases = await context.read(
        context.store.grading_queue.list_leases, context.organization_id, task.id, now_ms=now_ms()
    )
    if not leases:
        return await lead_to_next(context, task, sitting.at(""))
    completion_id = leases[0].completion_id
    await lease(context, task, [completion_id], sitting, take_over=True)
    return lead_to(context, task, completion_id, sitting)
