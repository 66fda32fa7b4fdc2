"""The command line, ``log10-trace``: one file a command group, registered in ``cli.app``."""

from __future__ import annotations

import importlib.util
import sys

from log10_trace.cli.standard_streams import open_missing_streams
from log10_trace.errors import MissingExtraError


def main() -> int:
    """Run the command in ``sys.argv`` and give its exit code."""
    open_missing_streams()
    if importlib.util.find_spec("typer") is None:
        print(MissingExtraError("The command line", "server"), file=sys.stderr)  # noqa: T201 -- no rich either
        return 1
    from log10_trace.cli.app import run  # noqa: PLC0415 -- needs the optional extra

    return run()
