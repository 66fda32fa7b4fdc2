"""Records the terminal images of the documentation: ``python -m docs.terminal``, from the repository's root.

Each command runs for real, on a terminal of 80 columns, against a server with the week of the shop that
``docs/screenshots.py`` makes. Ages, short ids, figures and costs come out alike in each run, dates do not.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from docs import simulated_shop_model as model
from docs.screenshots import (
    IMAGES,
    Record,
    deliver,
    is_last_answer,
    record_scenes,
    spread,
    start_calls,
)
from docs.terminal_svg import COLUMNS, Screen, draw_recording, draw_screen
from tests import processes

ROWS: Final = 50
SHORT_ID: Final = 8
"""Characters at the end of an id, as tables show them."""


def choose_commands(records: Sequence[Record]) -> dict[str, list[str]]:
    """The commands that are shown, by the name of their image."""
    newest = sorted(records, key=lambda record: str(record["created_at"]), reverse=True)
    asked = model.CONVERSATIONS[0][0].asked

    def answer_of(tag: str) -> Any:
        return next(
            record["id"][-SHORT_ID:]
            for record in newest
            if record["tags"][0] == tag and is_last_answer(record, asked)
        )

    failed = next(record["id"] for record in newest if record.get("failure_kind") == "RateLimitError")
    return {
        "terminal-list": ["ls", "--limit", "12"],
        "terminal-get": ["completions", "get", failed[-SHORT_ID:]],
        "terminal-stats": ["stats", "--by", "call-site", "--since", "7d"],
        "terminal-diff": ["completions", "diff", answer_of("assistant"), answer_of("assistant-next")],
    }


def run_on_terminal(arguments: Sequence[str], home: Path) -> Screen:
    """Run a command on a terminal, and give what stands on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    variables = processes.environment(home, TERM="xterm-256color", COLORTERM="truecolor", TZ="UTC")
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        variables.pop(name, None)
    command = [sys.executable, "-m", "log10_trace", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)  # noqa: S603
    os.close(theirs)
    pieces = []
    with suppress(OSError):  # how Linux says that the command has closed the terminal
        while piece := os.read(ours, 65_536):
            pieces.append(piece)
    os.close(ours)
    output = b"".join(pieces).decode().replace("\r\n", "\n")
    if process.wait() != 0:
        raise SystemExit(output)
    return Screen(" ".join(["log10-trace", *arguments]), output)


def main() -> None:
    """Fill a server, run the commands, write the images."""
    draw = random.Random(7)  # noqa: S311 -- nothing is secret here
    with model.serve() as url:
        scenes = record_scenes(url)
    now_ms = int(time.time() * 1000)
    records = list(spread(scenes, now_ms, draw))
    with tempfile.TemporaryDirectory() as folder, processes.server(Path(folder) / "home") as server:
        deliver(server, records)
        deliver(server, list(start_calls(scenes, now_ms, draw)))
        screens = {
            name: run_on_terminal(arguments, Path(folder) / "home")
            for name, arguments in choose_commands(records).items()
        }
    for name, screen in screens.items():
        (IMAGES / f"{name}.svg").write_text(draw_screen(screen), encoding="utf-8")
    (IMAGES / "terminal.svg").write_text(draw_recording(list(screens.values())), encoding="utf-8")


if __name__ == "__main__":
    main()
