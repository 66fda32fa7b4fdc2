"""``ls``, ``completions list`` and plain ``log10-trace`` on terminals of several widths, and in pipes."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from log10_trace.cli.column_widths import fit_columns
from log10_trace.cli.output import moment_of
from tests.cli.conftest import Cli, Screen, call

UUIDS = [f"01900000-0000-7000-8000-{number:012x}" for number in range(0xABCD0000, 0xABCD0005)]


def asked(number: int, question: str, **fields: Any) -> dict[str, Any]:
    """A call of five and a half hours ago that asks this, at a price that is known."""
    moment = datetime.now(timezone.utc) - timedelta(hours=5, minutes=30, seconds=-number)
    priced = {"base_url": "https://api.openai.com/v1/", "created_at": moment.isoformat()}
    request = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}]}
    return call(number, id=UUIDS[number], request=request, **priced, **fields)


@pytest.fixture
def varied(cli: Cli) -> Cli:
    """An organization with a call of each kind that a table tells apart."""
    failure = {"failure_kind": "RateLimitError", "failure_reason": "429\x1b[2J slow\ndown"}
    made = [
        asked(0, "你好,请问退款政策是什么?我想退回上周买的东西"),
        asked(1, "\x1b]0;evil\x07 Who?", status="failed", response=None, **failure),
        asked(2, "Is it running?", status="started", response=None, duration=None),
        asked(3, "A question of so many words that they fill a line of a terminal alone"),
        asked(4, "Short?", interrupted=True),
    ]
    with cli.client() as client:
        client.completions.batch(completions=made)
    return cli


def lines_of(screen: Screen) -> list[str]:
    """The lines of a screen, without the spaces at their ends."""
    assert screen.returncode == 0
    return [line.rstrip() for line in screen.text.splitlines()]


def test_a_list_at_80_columns(varied: Cli) -> None:
    """A line has the end of the id, age, status, model, first words of both, time and cost."""
    assert lines_of(varied.screen("ls", width=80)) == [
        "ID        AGE     MODEL        QUESTION → ANSWER                  TOOK      COST",
        "abcd0004   5h  ◐  gpt-4o-mini  Short? → answer 4 (interrupted)  250 ms  <$0.0001",
        "abcd0003   5h  ✓  gpt-4o-mini  A question of so ma… → answer 3  250 ms  <$0.0001",
        "abcd0002   5h  …  gpt-4o-mini  Is it running? → running",
        "abcd0001   5h  ✗  gpt-4o-mini  ␛]0;evil␇ W… → RateLimitError:…  250 ms",
        "abcd0000   5h  ✓  gpt-4o-mini  你好,请问退款政策是… → answer 0  250 ms  <$0.0001",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 130, 200])
def test_no_line_is_wider_than_the_terminal(varied: Cli, width: int) -> None:
    """At every width the lines fit, wide characters counted as two, and say what failed."""
    screen = varied.screen("ls", width=width)

    assert max(map(cell_len, screen.text.splitlines())) <= width
    assert "Rate" in screen.text
    assert "\x1b[2J" not in screen.raw
    assert "\x1b]0;" not in screen.raw


def test_a_wide_terminal_shows_more(varied: Cli) -> None:
    """From 120 characters on there are tags and tokens, and more words."""
    wide = varied.screen("ls", width=160).text

    assert wide.split("\n")[0].split() == [
        *("ID", "AGE", "MODEL", "QUESTION", "→", "ANSWER", "TAGS", "IN/OUT", "TOOK", "COST")
    ]
    assert "they fill a line of a terminal" in wide
    assert "RateLimitError: 429␛[2J slow down" in wide


def test_a_long_list_has_labels(varied: Cli) -> None:
    """With -l the whole id, tags, session and call site stand below each line."""
    lines = lines_of(varied.screen("ls", "-l", "-n", "1", width=80))

    assert lines[2:] == [
        "    01900000-0000-7000-8000-0000abcd0004  even",
        "    session session-1  /app/main.py:7 in main",
    ]
    cells = varied.text("ls", "-l", "-n", "1").rstrip("\n").split("\t")
    assert [cells[0], *cells[2:5]] == [UUIDS[4], "interrupted", "gpt-4o-mini", "0.25"]
    assert cells[6:] == ["10/5", "even", "session-1", "/app/main.py:7 in main", "Short?", "answer 4"]


def test_a_pipe_has_the_same_cells_as_ever(varied: Cli) -> None:
    """In a pipe ls gives what completions list gives: whole cells of the same columns."""
    (line,) = varied.text("ls", "-n", "1").splitlines()

    assert line == varied.text("completions", "list", "-n", "1").rstrip("\n")
    identifier, time, *others = line.split("\t")
    assert identifier == UUIDS[4]
    assert moment_of(time) is not None
    assert others == ["interrupted", "gpt-4o-mini", "0.25", "10/5", "even", "Short?", "answer 4"]


def test_marks_where_the_encoding_has_few(varied: Cli) -> None:
    """A terminal with ASCII alone has marks of its own."""
    screen = varied.screen("ls", width=80, PYTHONIOENCODING="ascii")

    assert re.search(r"abcd0001 +5h  x ", screen.text)
    assert "Short? -> answer 4" in screen.text


def test_the_plain_command_shows_the_newest_calls(varied: Cli) -> None:
    """Without a command there are the newest calls and three hints; in a pipe there are no hints."""
    lines = lines_of(varied.screen(width=80))

    assert lines[0].startswith("ID")
    assert [line.split("  ")[1] for line in lines[-3:]] == [
        "log10-trace completions get latest",
        "log10-trace ls --status failed -l",
        "log10-trace stats --since 7d",
    ]
    assert max(map(cell_len, lines)) <= 80
    assert varied.text() == varied.text("ls", "-n", "10")


def test_the_plain_command_before_the_first_call(cli: Cli) -> None:
    """With a server and no calls it says how to record some."""
    screen = cli.screen(width=80)

    assert screen.returncode == 0
    assert "There are no calls yet." in screen.text
    assert "log10_trace.patch()" in screen.text


def test_the_plain_command_without_a_server(cli: Cli, tmp_path: Path) -> None:
    """Without a server it says how to start one; one that is named and does not answer is an error."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOG10_")}
    alone = Cli("", "", {**environ, "LOG10_HOME": str(tmp_path)})

    assert "log10-trace serve" in alone.text()
    assert alone.run(LOG10_URL="http://127.0.0.1:9").returncode == 3


@pytest.mark.parametrize(
    ("natural", "width", "expected"),
    [
        ([8, 11, 60, 7], 80, [8, 11, 48, 7]),
        ([8, 11, 60, 7], 45, [8, 0, 26, 7]),
        ([8, 11, 60, 7], 38, [8, 6, 20, 0]),
        ([8, 11, 60, 7], 30, [8, 0, 20, 0]),
        ([8, 11, 60, 7], 10, [8, 0, 0, 0]),
    ],
)
def test_a_minimum_goes_before_other_columns(natural: list[int], width: int, expected: list[int]) -> None:
    """A flexible column with a minimum keeps it; others give way."""
    flexible, min_widths = [False, True, True, False], [0, 0, 20, 0]

    assert fit_columns(natural, flexible, width, min_widths) == expected


def test_a_short_flexible_column_is_whole() -> None:
    """A flexible column that is short fits where a long one would have no room."""
    assert fit_columns([16, 4, 56], [False, True, False], 80) == [16, 4, 56]
