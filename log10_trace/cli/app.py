"""The Typer application with all command groups, and the mapping of errors to exit codes.

A group is one module (or package) of this folder, named as the word a user types, with ``_`` for ``-``. It
imports ``app``, registers its command or its own ``Typer`` with it, and has a line in ``GROUPS``.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from log10_trace import __version__
from log10_trace.cli import exit_codes
from log10_trace.cli.next_steps import describe_next_step
from log10_trace.cli.standard_streams import discard_stdout
from log10_trace.errors import Log10Error

GROUPS: Final = {
    "demo": "See six real calls of the OpenAI SDK arrive.",
    "serve": "Run the completions API and its page on this machine.",
    "proxy": "Record the calls of programs in other languages, between them and the API.",
    "open": "Open a call, a session or the list of calls in the browser, signed in.",
    "ls": "List calls: the short way to completions list.",
    "completions": "List, show, compare, follow, search, export, import and delete calls.",
    "replay": "Send a logged request again, to the same model or another.",
    "benchmark": "Send logged requests to several models and compare the answers.",
    "sessions": "List sessions and show one.",
    "feedback-task": "Ask for feedback on calls.",
    "feedback": "Give and read feedback on calls.",
    "forward": "Send calls to an OpenTelemetry back end, as spans.",
    "stats": "Calls, failures, tokens, cost and latency, by group or over time.",
    "mcp": "Answer the questions of coding agents (Model Context Protocol).",
    "prices": "What models cost, and the day of the table.",
    "keys": "Create, list and revoke the keys of this machine's database.",
    "prune": "Delete old calls from this machine's database.",
    "backup": "Copy this machine's database to a file, while it is in use.",
    "restore": "Put a backup in the place of this machine's database.",
    "migrate": "Copy a database to another one, of the same kind or another.",
    "spool": "Show what waits for delivery, and deliver it.",
    "verify": "Check that every record arrived, and list those that did not.",
    "doctor": "Diagnose why no records arrive.",
}
"""The commands and what they are for, in the order of ``--help``."""

EXAMPLES: Final = """
[bold]Examples[/bold]

  log10-trace demo                      see six real calls arrive
  log10-trace serve                     start the server for your programs
  log10-trace completions tail -f       watch them come in
  log10-trace ls --since 2h --status failed
  log10-trace completions get latest
  log10-trace completions export --tag checkout --output calls.jsonl

[bold]Exit codes[/bold]

  0 done · 1 failed · 2 usage error · 3 no server · 4 rejected by the server · 130 Ctrl-C
"""

app = typer.Typer(
    name="log10-trace",
    help="Record, store and inspect the OpenAI SDK calls of your programs.",
    epilog=EXAMPLES,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"log10-trace {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _whole_application(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Record, store and inspect the OpenAI SDK calls of your programs."""
    if context.invoked_subcommand is None:
        importlib.import_module("log10_trace.cli.start").show_start()


def load(words: Sequence[str]) -> None:
    """Import the groups that are among ``words``, so that no command waits for the imports of another.

    The others are only named, which is enough for ``--help`` and for "did you mean". A command without
    examples of its own shows those of its group.
    """
    app.registered_commands[:] = [
        each for each in app.registered_commands if each.callback is not _placeholder
    ]
    for name, purpose in GROUPS.items():
        if name in words:
            importlib.import_module(f"log10_trace.cli.{name.replace('-', '_')}")
        else:
            app.command(name, help=purpose)(_placeholder)
    for group in app.registered_groups:
        if (within := group.typer_instance) is not None:
            for command in within.registered_commands:
                command.epilog = command.epilog or within.info.epilog


def _placeholder() -> None:
    """Stand for a command whose module is not imported: no command line leads here."""


def _words() -> list[str]:
    """The words typed so far, by a user or, before a TAB, by a shell that asks for completions."""
    asked = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return [*sys.argv[1:], *asked.split()]


def run() -> int:
    """Run the command in ``sys.argv`` and give its exit code.

    What goes wrong is one sentence on the standard error, never a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character shows a mark
    try:
        load(_words())
        app()
    except Log10Error as error:
        said = " ".join(filter(None, (str(error), describe_next_step(error))))
        print(f"log10-trace: {said}", file=sys.stderr)  # noqa: T201 -- the command's own voice
        return exit_codes.exit_code_for(error)
    except OSError as error:  # a full disk, a file that went away, a folder that may not be entered
        print(f"log10-trace: {_describe_os_error(error)}", file=sys.stderr)  # noqa: T201 -- as above
        _flush_or_discard_stdout()
        return exit_codes.FAILED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except SystemExit as leaving:
        return _flush_stdout(leaving.code if isinstance(leaving.code, int) else exit_codes.FAILED)
    return _flush_stdout(exit_codes.DONE)


def _describe_os_error(error: OSError) -> str:
    if error.filename:
        return f"{error.filename} cannot be used: {error.strerror}"
    return _describe_output_error(error) if error.errno == errno.EBADF else str(error)


def _describe_output_error(error: OSError) -> str:
    return f"the output cannot be written: {error.strerror}"


def _flush_stdout(code: int) -> int:
    """The code, after the output is flushed; a closed pipe (``| head``) is not a failure."""
    error = _flush_or_discard_stdout()
    if error is None or isinstance(error, BrokenPipeError):
        return code
    print(f"log10-trace: {_describe_output_error(error)}", file=sys.stderr)  # noqa: T201
    return code or exit_codes.FAILED


def _flush_or_discard_stdout() -> OSError | None:
    """Flush the output, and discard it where that fails; why it failed."""
    try:
        sys.stdout.flush()
    except OSError as error:
        discard_stdout()
        return error
    return None
