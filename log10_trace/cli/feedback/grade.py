"""``feedback grade``: one call after another on the screen, graded with single keys."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from log10_trace.cli.completions.get import show_call
from log10_trace.cli.feedback.group import group
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.cli.output import console, escape_control_characters, stderr_console
from log10_trace.cli.schema import FormField, form_fields
from log10_trace.client import Log10
from log10_trace.errors import SetupError
from log10_trace.models.components import Completion, FeedbackTask

_SKIP: Final = "s"
_QUIT: Final = "q"
_PAUSE_S: Final = 0.2


class _GraderQuitError(Exception):
    """The grader went on to the next call, or home."""

    def __init__(self, *, for_good: bool) -> None:
        super().__init__()
        self.for_good = for_good


@group.command("grade", cls=OnceCommand)
@expand_option_groups
def grade(
    *,
    server: Server,
    task: Annotated[str, typer.Option("--task", "--task_id", help="The task's id.")],
    comment: Annotated[bool, typer.Option("--comment", help="Also ask for a comment.")] = False,
) -> None:
    """Grade the calls that wait for feedback on a task, one after another, with the keyboard."""
    if not (sys.stdin.isatty() and console.is_terminal):
        message = "Grading needs a terminal. Use: log10-trace feedback create"
        raise SetupError(message)
    with server.client() as client:
        wanted = client.feedback_tasks.get(task_id=task).task
        graded = _grade_all(client, wanted, with_comment=comment)
    stderr_console.print(f"{graded:,} graded.")


def _grade_all(client: Log10, task: FeedbackTask, *, with_comment: bool) -> int:
    """Grade until nothing waits, or the grader leaves; how many were graded."""
    graded = 0
    for call in iterate_ungraded(client, task.id):
        try:
            values = _ask_for_values(task, call, f"{graded + 1}")
            said = input("comment: ") if with_comment else ""
        except _GraderQuitError as left:
            if left.for_good:
                return graded
            continue
        body = {"task_id": task.id, "json_values": values, "comment": said, "completion_ids": [call.id]}
        client.feedback.upload(request_body=body)
        graded += 1
    stderr_console.print("Nothing waits for feedback.")
    return graded


def iterate_ungraded(client: Log10, task_id: str | None) -> Iterator[Completion]:
    """Each call that waits for feedback, once; at the end those that came in meanwhile."""
    seen: set[str | None] = set()
    cursor, has_news = None, False
    while True:
        page = client.completions.list_ungraded(task_id=task_id, cursor=cursor).object
        for call in page.completions:
            if call.id not in seen:
                seen.add(call.id)
                has_news = True
                yield call
        cursor = page.next_cursor
        if cursor is None:
            if not has_news:
                return
            has_news = False


def _ask_for_values(task: FeedbackTask, call: Completion, number: str) -> dict[str, Any]:
    console.rule(Text(f"{number}  {escape_control_characters(task.name or '')}"))
    show_call(call)
    if task.instruction:
        console.print(Text(f"\n{escape_control_characters(task.instruction)}", style="bold"))
    console.print(Text(f"{_SKIP} skips this call, {_QUIT} ends", style="dim"))
    answers = ((question.name, _answer(question)) for question in form_fields(task))
    return {name: value for name, value in answers if value is not None}


def _answer(question: FormField) -> Any:
    about = f"  ({escape_control_characters(question.about)})" if question.about else ""
    console.print(Text.assemble("\n", (escape_control_characters(question.name), "bold cyan"), about))
    return _read_key(question.choices) if question.choices else _read_line(question)


def _read_key(choices: dict[str, Any]) -> Any:
    shown = "   ".join(f"{key} {_word(value)}" for key, value in choices.items())
    with _single_keys() as next_key:
        console.print(Text(f"  {escape_control_characters(shown)}  "), end="")
        while (key := next_key()) not in choices:
            _leave_on(key)
    console.print(Text(f"→ {key}", style="green"))
    return choices[key]


@contextmanager
def _single_keys() -> Iterator[Callable[[], str]]:
    """While the block runs keys come one by one, without Enter; those pressed before it are not lost."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard, termios.TCSANOW)
    try:
        yield lambda: wait_for_key(keyboard)
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)


def wait_for_key(keyboard: int) -> str:
    """The next byte of a terminal as text; Ctrl-C ends the wait.

    A signal that comes in the moment before a read begins does not end that read, so the wait has pauses.
    """
    while not select.select([keyboard], [], [], _PAUSE_S)[0]:
        pass
    return os.read(keyboard, 1).decode("ascii", "replace")


def _word(value: Any) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _read_line(question: FormField) -> Any:
    while True:
        typed = input("  > ").strip()
        _leave_on(typed)
        if not typed and not question.required:
            return None
        try:
            return question.read(typed)
        except ValueError:
            stderr_console.print(f"That is no {question.kind}.")


def _leave_on(key: str) -> None:
    if key in (_SKIP, _QUIT):
        console.print()
        raise _GraderQuitError(for_good=key == _QUIT)
