"""``feedback create``, ``list``, ``download`` and ``get``."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Any, Final

import typer

from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.feedback.filter import condition
from log10_trace.cli.feedback.group import group
from log10_trace.cli.files import open_for_writing
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Server, expand_option_groups, parse_json_option, split_commas
from log10_trace.cli.output import (
    Column,
    count_noun,
    print_line,
    relative_time,
    short_id,
    show_json,
    show_rows,
    stderr_console,
)
from log10_trace.cli.schema import moment_of_ms
from log10_trace.client import Log10
from log10_trace.models.base import write_json
from log10_trace.models.components import Feedback
from log10_trace.questions.references import UnknownCallError

_PAGE: Final = 100

_COLUMNS: Final = (
    Column(title="ID", cell=lambda feedback: feedback.id or ""),
    Column(
        title="WHEN",
        cell=lambda feedback: str(moment_of_ms(feedback.created_at_ms) or ""),
        brief=lambda feedback: relative_time(moment_of_ms(feedback.created_at_ms)),
    ),
    Column(title="FEEDBACK", cell=lambda feedback: write_json(feedback.json_values or {}), flexible=True),
    Column(title="COMMENT", cell=lambda feedback: feedback.comment or "", flexible=True),
    Column(
        title="CALLS",
        cell=lambda feedback: ", ".join(feedback.matched_completion_ids or []),
        brief=lambda feedback: ", ".join(map(short_id, feedback.matched_completion_ids or [])),
        flexible=True,
    ),
)

Task = Annotated[str | None, typer.Option("--task", "--task_id", help="On this task.")]
Filter = Annotated[str | None, typer.Option(help="Only feedback that matches: 'score <= 5'.")]
Offset = Annotated[int, typer.Option(help="Skip this many.", min=0)]


@group.command("create", cls=OnceCommand)
@expand_option_groups
def create(
    *,
    server: Server,
    task: Annotated[str, typer.Option("--task", "--task_id", help="The task's id.")],
    values: Annotated[str, typer.Option(help="Values as JSON, or @FILE.")],
    completion: Annotated[
        list[str] | None, typer.Option("--completion", "--completion_id", help="On this call; repeatable.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", "--completion_tags_selector", help="On the calls that have all these tags; repeatable."
        ),
    ] = None,
    comment: Annotated[str, typer.Option(help="A comment.")] = "",
    json: Json = False,
) -> None:
    """Give feedback on calls, named by id or by their tags."""
    completions, tags = split_commas(completion), split_commas(tag)
    if bool(completions) == bool(tags):
        message = "Say on which calls: either --completion or --tag."
        raise typer.BadParameter(message)
    answer = parse_json_option(values, 'an answer such as {"score": 5}')
    with server.client() as client:
        ids = [_resolve_if_known(client, each) for each in completions]
    about = {"completion_ids": ids} if ids else {"completion_tags_selector": tags}
    given = upload(server, {"task_id": task, "json_values": answer, "comment": comment, **about})
    if json:
        show_json(given)
    else:
        print_line(given.id or "")
        stderr_console.print(f"Feedback on {count_noun(len(given.matched_completion_ids or []), 'call')}.")


def upload(server: Server, body: dict[str, Any]) -> Feedback:
    """Send the feedback; as it is kept."""
    with server.client() as client:
        return client.feedback.upload(request_body=body).feedback


@group.command("list", cls=OnceCommand)
@expand_option_groups
def list_(
    *,
    server: Server,
    task: Task = None,
    completion: Annotated[str | None, typer.Option(help="On this call.")] = None,
    filter: Filter = None,  # noqa: A002 -- the option's name
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number.", min=1, max=sys.maxsize)] = 25,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """List feedback, the newest first."""
    wanted = condition(filter)
    with server.client() as client:
        about = completion and _resolve_if_known(client, completion)
        found = islice(_find_feedback(client, wanted, task, about, offset), limit)
        if not json:
            show_rows(_COLUMNS, found, empty="No such feedback.")
            return
        for feedback in found:
            show_json(feedback)


@group.command("download", cls=OnceCommand, hidden=True)
@expand_option_groups
def download(
    *,
    server: Server,
    task: Task = None,
    filter: Filter = None,  # noqa: A002 -- the option's name
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="Maximum number.", min=1, max=sys.maxsize)
    ] = None,
    offset: Offset = 0,
    output: Annotated[str | None, typer.Option("--output", "-o", "--file", "-f", help="The file.")] = None,
) -> None:
    """Write feedback to a file as JSON lines, the newest first."""
    wanted = condition(filter)
    with server.client() as client, open_for_writing(output) as file:
        for feedback in islice(_find_feedback(client, wanted, task, None, offset), limit):
            file.write(feedback.to_json().encode() + b"\n")


@group.command("get")
@expand_option_groups
def get(
    feedback_id: Annotated[str | None, typer.Argument(help="The feedback's id.", show_default=False)] = None,
    *,
    server: Server,
    id_: Annotated[str | None, typer.Option("--id", help="The same, as an option.", hidden=True)] = None,
) -> None:
    """Show one feedback as JSON."""
    wanted = feedback_id or id_
    if wanted is None:
        message = "Which feedback? Give its id."
        raise typer.BadParameter(message)
    with server.client() as client:
        feedback = client.feedback.get(feedback_id=wanted).feedback
    print_line(json_text.dumps(feedback.model_dump(), indent=2))


def _resolve_if_known(client: Log10, completion: str) -> str:
    """The id of the call; the text itself where no call has it, for the server to judge."""
    try:
        return resolve_id(client, completion)
    except UnknownCallError:
        return completion


def _find_feedback(
    client: Log10, wanted: Callable[[Feedback], bool], task: str | None, completion: str | None, offset: int
) -> Iterator[Feedback]:
    while True:
        page = client.feedback.list(
            task_id=task, completion_id=completion, offset=offset, limit=_PAGE
        ).object.feedback
        yield from filter(wanted, page)
        offset += len(page)
        if len(page) < _PAGE:
            return
