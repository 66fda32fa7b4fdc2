"""``completions delete``: calls are gone for good, after a question."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.completions.group import group
from log10_trace.cli.options import Server, Yes, expand_option_groups
from log10_trace.cli.output import count_noun, one_line, stderr_console
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.client import Log10
from log10_trace.errors import NotFoundError
from log10_trace.questions.references import UnknownCallError


@group.command("delete", cls=ReferenceCommand)
@expand_option_groups
def delete(
    completion_ids: Annotated[
        list[str] | None, typer.Argument(help="Their ids or parts of them, latest, -2.")
    ] = None,
    *,
    server: Server,
    session: Annotated[str | None, typer.Option(help="All calls of this session.")] = None,
    tag: Annotated[str | None, typer.Option(help="All calls with this tag.")] = None,
    yes: Yes = False,
) -> None:
    """Delete calls for good: those named by id, or all of a session or with a tag."""
    ids = completion_ids or []
    if bool(ids) == bool(session or tag):
        message = "Say which calls: either by their ids, or with --session or --tag."
        raise typer.BadParameter(message)
    with server.client() as client:
        if ids:
            _require_terminal(yes=yes)
            found = [_resolve(client, name) for name in ids]
            calls = list(dict.fromkeys(filter(None, found)))
            if calls:
                confirm_or_exit(f"Delete {count_noun(len(calls), 'call')} for good?", yes=yes)
            _delete_each(client, calls, are_all=None not in found)
            return
        named = [f"of session {session}"] if session else []
        named += [f"with tag {tag}"] if tag else []
        confirm_or_exit(f"Delete all calls {' and '.join(named)} for good?", yes=yes)
        deleted = client.completions.delete_many(session_id=session, tag=tag).deleted
        stderr_console.print("Deleted." if deleted is None else f"{deleted:,} deleted.")


def _resolve(client: Log10, name: str) -> str | None:
    """The id of the call that is meant, shown where it was not typed; None where there is no such call."""
    try:
        completion_id = resolve_id(client, name)
    except UnknownCallError:
        _say_missing(name)
        return None
    if completion_id != name:
        stderr_console.print(one_line(f"{name} is {completion_id}"), soft_wrap=True)
    return completion_id


def _delete_each(client: Log10, ids: list[str], *, are_all: bool) -> None:
    """Delete each of them; one that is not there is named, and keeps none of the others."""
    deleted = sum(_delete(client, completion_id) for completion_id in ids)
    stderr_console.print(f"{deleted:,} deleted.")
    if deleted < len(ids) or not are_all:
        raise typer.Exit(1)


def _delete(client: Log10, completion_id: str) -> bool:
    try:
        client.completions.delete(completion_id=completion_id)
    except NotFoundError:
        _say_missing(completion_id)
        return False
    return True


def _say_missing(wanted: str) -> None:
    stderr_console.print(one_line(f"There is no call {wanted}."))


def _require_terminal(*, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        message = "Not a terminal: pass --yes to confirm."
        raise typer.BadParameter(message)


def confirm_or_exit(question: str, *, yes: bool) -> None:
    """Return when the user agrees.

    Raises:
        Exit: the user does not.
        BadParameter: standard input is not a terminal.
    """
    _require_terminal(yes=yes)
    if not yes and not typer.confirm(question, err=True):
        stderr_console.print("Nothing was deleted.")
        raise typer.Exit(1)
