"""The tools that list sessions and tell one as a story, call by call."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from log10_trace.domain import formatting
from log10_trace.domain.call_parts import Part
from log10_trace.domain.page_paths import SESSIONS, session_path
from log10_trace.domain.session_markdown import describe_time
from log10_trace.domain.session_story import StoryStep, tell_story
from log10_trace.mcp.answer import Answer, Detail
from log10_trace.mcp.arguments import (
    FILTER_ARGUMENTS,
    Argument,
    limit_argument,
    read_text,
    select_filters,
    whole_number,
)
from log10_trace.mcp.excerpts import cut_middle, shorten
from log10_trace.mcp.search import CURSOR
from log10_trace.mcp.tool import Question, Tool
from log10_trace.models.components import Session
from log10_trace.questions.references import find_session_id
from log10_trace.questions.session_records import read_session_records

_MAX_SESSIONS: Final = 100
_MAX_CALLS: Final = 100
_MAX_CALL_NUMBER: Final = 10**6
_NAME: Final = 200


def _list(question: Question) -> Callable[[Detail], Answer]:
    filters, given = select_filters(question.given), question.given
    pages: dict[int, tuple[list[Session], str | None]] = {}

    def build(detail: Detail) -> Answer:
        limit = min(given["limit"], detail.items)
        if limit not in pages:
            listed = question.client.sessions.list(limit=limit, cursor=given["cursor"], **filters)
            page = next(listed.pages())
            pages[limit] = page.items, page.next_cursor
        sessions, cursor = pages[limit]
        more = "; there are more." if cursor else "."
        return Answer(
            summary=f"{len(sessions):,} sessions, the one with the latest call first{more}",
            recorded={"sessions": [_describe_session(session) for session in sessions]},
            page=question.list_page(filters, SESSIONS),
            next_arguments={"cursor": cursor, "limit": limit} if cursor else None,
        )

    return build


def _describe_session(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "first_call": session.first_at,
        "last_call": session.last_at,
        "calls": session.calls,
        "failed": session.failed,
        "input_tokens": session.input_tokens,
        "output_tokens": session.output_tokens,
        "dollars": session.cost,
    }


def _tell(question: Question) -> Callable[[Detail], Answer]:
    client, given = question.client, question.given
    session = client.sessions.get(session_id=find_session_id(client, given["id"])).session
    session_id, first = session.id or given["id"], given["first_call"]
    with read_session_records(client, session_id) as records:
        story = tell_story(records, time.time_ns() // 1_000_000)
        steps = list(islice(story, first - 1, first - 1 + given["limit"]))
    page = question.page(session_path(session_id))
    total = max(session.calls or 0, steps[-1].number if steps else 0)

    def build(detail: Detail) -> Answer:
        shown = steps[: detail.items]
        last = shown[-1].number if shown else 0
        return Answer(
            summary=_summarize(total, shown),
            recorded={
                **_describe_session(session),
                "story": [_describe_step(each, detail) for each in shown],
            },
            page=page,
            next_arguments={"first_call": last + 1} if 0 < last < total else None,
        )

    return build


def _summarize(total: int, shown: list[StoryStep]) -> str:
    if not shown:
        return f"The session has {formatting.count_calls(total)}, none of them from that number on."
    first, last = shown[0].number, shown[-1].number
    numbers = f"numbers {first:,} to {last:,} are" if first < last else f"number {first:,} is"
    return (
        f"The session has {formatting.count_calls(total)}; {numbers} below, each with what it "
        "added. get_call shows one whole."
    )


def _describe_step(step: StoryStep, detail: Detail) -> dict[str, Any]:
    said = [*step.added, *step.answers]
    shown = said[: detail.items]
    omitted = len(said) - len(shown)
    return {
        "number": step.number,
        "id": step.id,
        "model": shorten(step.model, _NAME),
        "status": step.status,
        "time": describe_time(step),
        "same_request_again": step.asks_again or None,
        "messages_sent_again": None if step.asks_again else step.repeated or None,
        "said": [_describe_part(part, detail) for part in shown],
        "more": f"[... {omitted:,} more texts; get_call gives them ...]" if omitted else None,
    }


def _describe_part(part: Part, detail: Detail) -> dict[str, str]:
    return {
        "from": shorten(part.title, _NAME),
        "text": cut_middle(part.text, detail.characters),
    }


LIST_SESSIONS: Final = Tool(
    name="list_sessions",
    title="List sessions",
    description=(
        "List sessions (conversations, agent runs, web requests) that have a call that passes all filters: "
        "id, time, calls, failures, tokens, cost. get_session tells one."
    ),
    arguments=(*FILTER_ARGUMENTS, limit_argument(20, _MAX_SESSIONS, "sessions"), CURSOR),
    answer=_list,
)
GET_SESSION: Final = Tool(
    name="get_session",
    title="Tell a session",
    description=(
        "Tell a session as a story: its calls in time, what each added to those before, tool calls with "
        "their results, answers, failures and waits. Messages that a call sends again are left out."
    ),
    arguments=(
        Argument(
            name="id",
            schema={
                "type": "string",
                "description": "Id of the session, 'latest', or '-2' for the one before the latest.",
            },
            read=read_text,
            is_required=True,
        ),
        Argument(
            name="first_call",
            schema={
                "type": "integer",
                "minimum": 1,
                "default": 1,
                "description": "Number of the call to begin with.",
            },
            read=whole_number(1, _MAX_CALL_NUMBER),
            default=1,
        ),
        limit_argument(20, _MAX_CALLS, "calls"),
    ),
    answer=_tell,
)
