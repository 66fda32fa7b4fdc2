"""The Typer group of the commands on completions."""

from __future__ import annotations

from typing import Final

import typer

ORDER: Final = (
    "list", "get", "diff", "tail", "search", "export", "download", "import", "delete", "benchmark_models",
)  # fmt: skip
"""The commands in the order of ``--help``."""

group = typer.Typer(
    help="List, show, compare, follow, search, export, import and delete calls.",
    epilog="""[bold]Examples[/bold]

  log10-trace completions list --tag checkout --since 2h

  log10-trace completions get latest

  log10-trace completions diff ID latest

  log10-trace completions tail -f

  log10-trace completions search "refund policy" --json

  log10-trace completions export --format openai-finetune --tag good -o training.jsonl

  log10-trace completions import calls.jsonl

  log10-trace completions delete --tag scratch""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
