"""The Typer group of the commands on feedback."""

from __future__ import annotations

import typer

group = typer.Typer(
    help="Give and read feedback on calls.",
    epilog="""[bold]Examples[/bold]

  log10-trace feedback grade --task TASK

  log10-trace feedback create --task TASK --completion ID --values '{"tone": "good"}'

  log10-trace feedback list --task TASK --filter 'score <= 5'""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
