"""``log10-trace completions``: list, look at, compare, follow, search, export, import and delete calls."""

from __future__ import annotations

from log10_trace.cli.app import app
from log10_trace.cli.benchmark import benchmark
from log10_trace.cli.completions import delete, diff, export, get, import_, list_, tail
from log10_trace.cli.completions.group import ORDER, group
from log10_trace.cli.once import OnceCommand

__all__ = ["delete", "diff", "export", "get", "import_", "list_", "tail"]

# Name and group of the command in the original client.
group.command("benchmark_models", cls=OnceCommand, hidden=True)(benchmark)
group.registered_commands.sort(key=lambda command: ORDER.index(command.name or ""))
app.add_typer(group, name="completions")
