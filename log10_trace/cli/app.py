"""The one application that all command groups hang on, and how its errors become exit codes.

Exit codes: 0 done, 1 failed, 2 not understood, 3 server unreachable, 4 refused by the server.
"""

from __future__ import annotations

import sys

import typer

from log10_trace.errors import Log10Error

app = typer.Typer(
    name="log10-trace",
    help="Look at, keep and work with the OpenAI SDK calls of your programs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> int:
    """Run the command in ``sys.argv``; a user's mistake is one sentence, never a traceback."""
    try:
        app()
    except Log10Error as error:
        print(f"log10-trace: {error}", file=sys.stderr)  # noqa: T201 -- the command's own voice
        return 1
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    return 0
