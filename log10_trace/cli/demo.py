"""``log10-trace demo``: end-to-end demo.

A server of its own, six real SDK calls over HTTP, the records as they arrived. Everything it keeps lies in
the folder ``demo`` of LOG10_HOME, apart from the user's own records.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Final

import typer
from rich.text import Text

from log10_trace import local_server
from log10_trace.cli.app import app
from log10_trace.cli.output import Column, console, numeric_column, one_line, seconds, show_rows
from log10_trace.cli.simulated_model import MODEL, simulated_model
from log10_trace.client import Log10
from log10_trace.config import log10_home
from log10_trace.domain.call_labels import describe_failure
from log10_trace.errors import SetupError
from log10_trace.models import components

_ANSWER_CHARS: Final = 150
EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace demo

  log10-trace demo --once"""


@app.command(epilog=EXAMPLES)
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Exit after the table, with 0 if all calls are stored.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The server's port; 0 takes a free one.")] = 0,
) -> None:
    """See six real calls of the OpenAI SDK arrive, as a table and on a page.

    They go to a server and a database of the demo's own, not to the ones of log10-trace serve.
    """
    folder = log10_home() / "demo"
    os.environ["LOG10_HOME"] = str(folder)
    with ExitStack() as stack:
        server = stack.enter_context(_server(folder, port))
        if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
            os.environ["OPENAI_BASE_URL"] = stack.enter_context(simulated_model())
            os.environ["OPENAI_MODEL"] = MODEL
            console.print("No OPENAI_BASE_URL or OPENAI_API_KEY is set: a simulated model answers.")
        console.print("Six calls, as they arrived:\n")
        made = _make_calls(server)
        stored = _fetch_records(server, made)
        _show_table(stored)
        console.print(f"\n{len(stored)} of {len(made)} calls are stored in {folder / 'completions.db'}")
        if once:
            raise typer.Exit(0 if _all_whole(made, stored) else 1)
        console.print("\nLook at them (Ctrl-C ends the demo):")
        console.print(server.page, style="bold", soft_wrap=True)  # a link that is broken leads nowhere
        signal.pause()


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    token: str
    page: str


@contextmanager
def _server(folder: Path, port: int) -> Iterator[_Server]:
    """Run ``log10-trace serve`` beside us, on the demo's own database, while the block runs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the server is not left behind
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "log10_trace", "serve", "--port", str(port)]
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 -- ourselves
    try:
        yield _read_announcement(process, folder)
    finally:
        process.terminate()
        process.communicate()


def _read_announcement(process: subprocess.Popen[str], folder: Path) -> _Server:
    lines: IO[str] | None = process.stdout
    page = ""
    for line in lines or ():
        address = next((word for word in line.split() if word.startswith("http")), "")
        page = address if "/login" in address else page
        found = local_server.discover()
        if page and found is not None and found.pid == process.pid:
            return _Server(found.url, found.token, page)
    said = (folder / "serve.log").read_text(encoding="utf-8").strip().removeprefix("log10-trace: ")
    raise SetupError(said or "The demo's server did not start.")


def _make_calls(server: _Server) -> dict[str, str]:
    """Make the demo's calls with the SDK patched; the ids of their records, by what was called."""
    import log10_trace  # noqa: PLC0415 -- the SDK takes half a second to import, and only the demo needs it
    from log10_trace.cli import demo_calls  # noqa: PLC0415

    log10_trace.patch(url=server.url, token=server.token, tags=["demo"])
    try:
        return demo_calls.make()
    finally:
        log10_trace.flush(timeout=10)
        log10_trace.unpatch()
        log10_trace.shutdown()


def _fetch_records(server: _Server, made: dict[str, str]) -> dict[str, components.Completion]:
    """The records of the calls, as the server has them."""
    with Log10(server_url=server.url, log10_token=server.token) as client:
        arrived = {
            record.id: record for record in client.completions.list(tag=["demo"], view="full", limit=100)
        }
    return {name: arrived[id_] for name, id_ in made.items() if id_ in arrived}


def _all_whole(made: dict[str, str], stored: dict[str, components.Completion]) -> bool:
    return made.keys() == stored.keys() and all(
        record.request is not None and record.response is not None for record in stored.values()
    )


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    record: components.Completion


def _show_table(stored: dict[str, components.Completion]) -> None:
    """Show each call with its line of code; below it, or in a pipe behind it, the answer or the failure."""
    answer = Column(title="ANSWER", cell=lambda row: _answer(row.record))
    columns = _COLUMNS if console.is_terminal else (*_COLUMNS, answer)
    rows = [_Row(*item) for item in stored.items()]
    show_rows(columns, rows, empty="No call is stored.", note=lambda row: Text(_answer(row.record)))


def _status(row: _Row) -> str:
    return str(getattr(row.record.status, "value", row.record.status))


def _line(row: _Row) -> str:
    frame = row.record.stacktrace[-1] if row.record.stacktrace else None
    return f"{Path(frame.file).name}:{frame.lineno}" if frame else ""


_COLUMNS: Final = (
    Column(title="CALL", cell=lambda row: row.name),
    Column(title="STATUS", cell=_status, style=lambda row: "red" if row.record.failure_kind else ""),
    numeric_column("TOOK", lambda row: row.record.duration, seconds),
    Column(title="LINE", cell=_line),
    Column(title="TAGS", cell=lambda row: ", ".join(row.record.tags or []), flexible=True),
)


def _answer(record: components.Completion) -> str:
    """What the call came to, in few words on one line."""
    if record.failure_kind:
        return _shorten(describe_failure(record.failure_kind, record.failure_reason))
    choice = (getattr(record.response, "choices", None) or [None])[0]
    message = getattr(choice, "message", None)
    if calls := getattr(message, "tool_calls", None):
        return _shorten(f"calls {calls[0].function.name}({calls[0].function.arguments})")
    text = getattr(message, "content", None) or getattr(choice, "text", None) or ""
    return _shorten(str(text))


def _shorten(text: str) -> str:
    """The beginning of the text: at most two lines of a terminal of 80 columns."""
    line = one_line(text)
    return line if len(line) <= _ANSWER_CHARS else f"{line[: _ANSWER_CHARS - 1]}…"
