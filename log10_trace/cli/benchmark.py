"""``log10-trace benchmark``: logged requests, sent to several models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.files import open_for_writing
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.model_calls import (
    ModelAnswer,
    make_sdk_sender,
    parse_call,
    read_logged_answer,
    replay_call,
)
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import (
    Json,
    Server,
    expand_option_groups,
    split_commas,
)
from log10_trace.cli.output import progress, show_json, stderr_console
from log10_trace.cli.replay import Set, exit_if_all_failed, parameters
from log10_trace.cli.report import report_writer_for, show_answers
from log10_trace.client import Log10
from log10_trace.errors import Log10Error
from log10_trace.questions.server_prices import prices_of

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace benchmark --models gpt-4o,gpt-4o-mini --tag checkout --limit 20

  log10-trace benchmark --models gpt-4o-mini --ids ID,ID -o report.md

The requests go out with your own settings of the SDK: OPENAI_API_KEY, OPENAI_BASE_URL, ..."""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
@expand_option_groups
def benchmark(
    *,
    models: Annotated[list[str], typer.Option("--models", "-m", help="Models, separated by commas.")],
    ids: Annotated[list[str] | None, typer.Option("--ids", help="Ids of calls, separated by commas.")] = None,
    which: CompletionFilterOptions,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number of calls.", min=1)] = 10,
    set_: Set = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", "-f", help="Write a report: .md, .csv or .jsonl.")
    ] = None,
    server: Server,
    json: Json = False,
) -> None:
    """Send logged requests to several models; compare answers, tokens, time and cost with the logged ones."""
    changes, names = parameters(set_), split_commas(models)
    form = report_writer_for(output) if output else None
    send, base_url = make_sdk_sender()
    with server.client() as client:
        prices = prices_of(client)
        calls = list(_calls(client, split_commas(ids), which, limit))
    answers: list[ModelAnswer] = []
    with progress("Asking", total=len(calls) * len(names)) as moved_on:
        for call in calls:
            of_call = [read_logged_answer(call, prices)]
            for name in names:
                of_call.append(replay_call(call, name, send, prices, changes=changes, base_url=base_url))
                moved_on(1)
            _show(of_call, as_json=json)
            answers += of_call
    if output and form:
        with open_for_writing(output) as file:
            file.write(form(answers).encode())
        stderr_console.print(f"{output} written.")
    exit_if_all_failed(answers)


def _show(answers: list[ModelAnswer], *, as_json: bool) -> None:
    if not as_json:
        show_answers(answers)
        return
    for answer in answers:
        show_json(asdict(answer))


def _calls(
    client: Log10, ids: list[str], which: CompletionFilterOptions, limit: int
) -> Iterator[dict[str, Any]]:
    """The records that are meant, as plain JSON."""
    if not ids:
        ids = [call.id for call in client.completions.list(limit=limit, **which.filters()) if call.id]
    if not ids:
        message = "There are no such calls."
        raise Log10Error(message)
    for completion_id in ids:
        answer = client.completions.get(completion_id=completion_id)
        yield parse_call(answer.raw_response.content)
