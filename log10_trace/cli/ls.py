"""``log10-trace ls``: the short way to ``completions list``."""

from __future__ import annotations

from typing import Final

from log10_trace.cli.app import app
from log10_trace.cli.completions.list_ import list_
from log10_trace.cli.once import OnceCommand

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace ls

  log10-trace ls -l --status failed --since 2h"""

app.command("ls", cls=OnceCommand, epilog=EXAMPLES)(list_)
