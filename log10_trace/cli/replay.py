"""``log10-trace replay``: a logged request, sent again."""

from __future__ import annotations

import json as json_text
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from log10_trace.cli.app import app
from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.model_calls import (
    ModelAnswer,
    build_replay,
    find_sdk_base_url,
    make_sdk_sender,
    parameter,
    parse_call,
    read_logged_answer,
    read_model,
    replay_call,
)
from log10_trace.cli.options import Json, Server, expand_option_groups, split_commas
from log10_trace.cli.output import escape_control_characters, print_line, show_json, stderr_console
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.cli.replay_records import ReplayRecorder
from log10_trace.cli.report import show_answers
from log10_trace.questions.server_prices import prices_of

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace replay latest

  log10-trace replay ID --model gpt-4o-mini --model o4-mini --set temperature=0

  log10-trace replay ID --model gpt-4o-mini --save

  log10-trace replay latest --set temperature=0 --dry-run

The requests go out with your own settings of the SDK: OPENAI_API_KEY, OPENAI_BASE_URL, ..."""

Set = Annotated[
    list[str] | None, typer.Option("--set", help="Change a parameter: temperature=0.2; repeatable.")
]


@app.command(cls=ReferenceCommand, epilog=EXAMPLES)
@expand_option_groups
def replay(
    completion_id: Annotated[str, typer.Argument(help="The call's id or a part of it, latest, -2.")],
    *,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="The model; repeatable.", show_default="the logged one"),
    ] = None,
    set_: Set = None,
    save: Annotated[
        bool, typer.Option("--save", help="Store the new calls, tagged replay; print where to compare them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the requests, with the changes, and send none of them.")
    ] = False,
    server: Server,
    json: Json = False,
) -> None:
    """Send a logged request again, to the same model or to others, and show the answers side by side."""
    changes = parameters(set_)
    if dry_run and save:
        message = "--dry-run sends nothing, so there is nothing to save. Leave out one of them."
        raise typer.BadParameter(message, param_hint="--save")
    if dry_run:
        _show_requests(completion_id, split_commas(model), changes, server, as_json=json)
        return
    send, base_url = make_sdk_sender()
    with server.client() as client:
        answer = client.completions.get(completion_id=resolve_id(client, completion_id))
        prices = prices_of(client)
    call = parse_call(answer.raw_response.content)
    logged = read_logged_answer(call, prices)
    models = split_commas(model) or [logged.model]
    recorder = ReplayRecorder(send, str(call["id"]), base_url)
    new = (
        replay_call(call, name, recorder.send, prices, changes=changes, base_url=base_url) for name in models
    )
    answers = [logged, *new]
    if json:
        for each in answers:
            show_json(asdict(each))
    else:
        show_answers(answers)
    if save:
        _store(server, recorder)
    exit_if_all_failed(answers)


def _show_requests(
    completion_id: str, models: list[str], changes: dict[str, Any], server: Server, *, as_json: bool
) -> None:
    """Show what would be sent: one request for each model."""
    with server.client() as client:
        answer = client.completions.get(completion_id=resolve_id(client, completion_id))
    call = parse_call(answer.raw_response.content)
    base_url = find_sdk_base_url().rstrip("/")
    for model in models or [read_model(call)]:
        endpoint, body = build_replay(call, model, changes)
        url = f"{base_url}{endpoint}"
        if as_json:
            show_json({"method": "POST", "url": url, "model": model, "body": body})
            continue
        print_line(escape_control_characters(f"POST {url}\nmodel: {model}\n"))
        print_line(json_text.dumps(body, indent=2) + "\n")
    needed = "" if os.environ.get("OPENAI_API_KEY") else " To send it, set OPENAI_API_KEY."
    stderr_console.print(f"Dry run: nothing was sent.{needed}")


def _store(server: Server, recorder: ReplayRecorder) -> None:
    """Store the new calls, and say where each can be compared with the logged one."""
    with server.client() as client:
        client.completions.batch(completions=recorder.records)
        url = client.server_url.rstrip("/")
    for record in recorder.records:
        query = urlencode({"a": record["metadata"]["replay_of"], "b": record["id"]})
        stderr_console.print(f"Compare: {url}/compare?{query}", soft_wrap=True)


def parameters(given: list[str] | None) -> dict[str, Any]:
    """The parameters that were given as ``name=value``.

    Raises:
        BadParameter: one of them is none.
    """
    try:
        return dict(parameter(text) for text in given or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None


def exit_if_all_failed(answers: Sequence[ModelAnswer]) -> None:
    """Leave with 1 when no new answer came at all."""
    new = [answer for answer in answers if not answer.logged]
    if new and all(answer.error for answer in new):
        raise typer.Exit(1)
