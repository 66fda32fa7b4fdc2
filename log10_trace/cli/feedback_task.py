"""``log10-trace feedback-task``: ask for feedback on calls."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.options import Json, Server, expand_option_groups, parse_json_option, split_commas
from log10_trace.cli.output import (
    Column,
    one_line,
    print_line,
    relative_time,
    show_json,
    show_rows,
    stderr_console,
)
from log10_trace.cli.schema import form_fields, moment_of_ms
from log10_trace.models.components import FeedbackTask

group = typer.Typer(
    help="Ask for feedback on calls.",
    epilog="""[bold]Example[/bold]

  log10-trace feedback-task create --name tone --tag support --schema
  '{"type": "object", "properties": {"tone": {"enum": ["good", "bad"]}}, "required": ["tone"]}'""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(group, name="feedback-task")

_COLUMNS: Final = (
    Column(title="ID", cell=lambda task: task.id or ""),
    Column(
        title="MADE",
        cell=lambda task: str(moment_of_ms(task.created_at_ms) or ""),
        brief=lambda task: relative_time(moment_of_ms(task.created_at_ms)),
    ),
    Column(title="NAME", cell=lambda task: task.name or "", flexible=True),
    Column(title="ASKS FOR", cell=lambda task: ", ".join(question.name for question in form_fields(task))),
    Column(title="TAGS", cell=lambda task: ", ".join(task.completion_tags_selector or []), flexible=True),
    Column(title="INSTRUCTION", cell=lambda task: task.instruction or "", flexible=True),
)


@group.command("create")
@expand_option_groups
def create(
    *,
    server: Server,
    name: Annotated[str, typer.Option(help="The task's name.")],
    schema: Annotated[
        str,
        typer.Option("--schema", "--task_schema", help="JSON Schema of the values, or @FILE."),
    ],
    instruction: Annotated[str, typer.Option(help="Instruction for the grader.")] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", "--completion_tags_selector", help="Select calls with this tag for feedback; repeatable."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Create a feedback task: instruction, tags of the calls, and JSON Schema of the values."""
    wanted = parse_json_option(schema, 'a schema such as {"type": "object", "properties": {...}}')
    if not isinstance(wanted, dict):
        message = "A JSON Schema is an object."
        raise typer.BadParameter(message, param_hint="--schema")
    task = FeedbackTask(
        name=name, instruction=instruction, json_schema=wanted, completion_tags_selector=split_commas(tag)
    )
    with server.client() as client:
        made = client.feedback_tasks.create(request=task).task
    if json:
        show_json(made)
    else:
        print_line(made.id or "")
        stderr_console.print(one_line(f"Grade with: log10-trace feedback grade --task {made.id}"))


@group.command("list")
@expand_option_groups
def list_(
    *,
    server: Server,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number.", min=1)] = 100,
    offset: Annotated[int, typer.Option(help="Skip this many.", min=0)] = 0,
    json: Json = False,
) -> None:
    """List the tasks, the oldest first."""
    with server.client() as client:
        tasks = client.feedback_tasks.list().tasks[offset : offset + limit]
    if json:
        for task in tasks:
            show_json(task)
    else:
        show_rows(_COLUMNS, tasks, empty="No feedback tasks yet.")


@group.command("get")
@expand_option_groups
def get(
    task_id: Annotated[str | None, typer.Argument(help="The task's id.", show_default=False)] = None,
    *,
    server: Server,
    id_: Annotated[str | None, typer.Option("--id", help="The same, as an option.", hidden=True)] = None,
) -> None:
    """Show one task as JSON."""
    wanted = task_id or id_
    if wanted is None:
        message = "Which task? Give its id."
        raise typer.BadParameter(message)
    with server.client() as client:
        task = client.feedback_tasks.get(task_id=wanted).task
    print_line(json_text.dumps(task.model_dump(), indent=2))
