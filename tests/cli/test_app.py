"""The application as a whole: its help, its start, its completion for shells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from log10_trace import __version__
from log10_trace.cli import app, completions, exit_codes
from log10_trace.cli.options import end, parse_json_option, parse_timestamp
from log10_trace.errors import SetupError

SCRIPT = Path(sys.executable).with_name("log10-trace")


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "log10_trace", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", **variables},
        check=False,
    )


def test_help_names_every_command_and_the_exit_codes() -> None:
    """The help lists all commands with what they are for, examples, and what the exit codes mean."""
    shown = run("--help").stdout

    for name in app.GROUPS:
        assert re.search(rf"\b{name}\b", shown)
    assert "completions tail -f" in shown
    for code in (0, 1, 2, 3, 4, 130):
        assert f"{code} " in shown.split("Exit codes")[1]


def test_every_commands_help_has_examples() -> None:
    """What a command is typed like stands under its own help, be it its group's examples."""
    app.load(tuple(app.GROUPS))
    whole = get_command(app.app)
    assert isinstance(whole, TyperGroup)
    for name in app.GROUPS:
        group = whole.commands[name]
        leaves = group.commands.values() if isinstance(group, TyperGroup) else (group,)
        assert [leaf.name for leaf in leaves if f"log10-trace {name}" not in (leaf.epilog or "")] == []


def test_version_is_the_packages() -> None:
    """``--version`` says the version of the package."""
    assert run("--version").stdout == f"log10-trace {__version__}\n"


@pytest.mark.parametrize(
    ("words", "absent"), [(["--help"], ["httpx", "pydantic", "openai"]), (["stats", "--help"], ["openai"])]
)
def test_no_command_waits_for_the_imports_of_another(words: list[str], absent: list[str]) -> None:
    """The help imports neither the client nor the SDK, and no command but those that call it the SDK."""
    source = (
        f"import sys; sys.argv = ['log10-trace', *{words!r}]\n"
        "from log10_trace.cli import main; main()\n"
        f"print([name for name in {absent!r} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in app.GROUPS if name not in ("completions", "feedback")])
def test_every_group_has_a_module(name: str) -> None:
    """Every command of the help has its module of the same name."""
    folder = Path(app.__file__).parent

    assert (folder / f"{name.replace('-', '_')}.py").exists()


@pytest.mark.skipif(not SCRIPT.exists(), reason="log10-trace is not installed beside this Python")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("log10-trace comp", "completions"),
        ("log10-trace completions exp", "export"),
        ("log10-trace stats --b", "--by"),
    ],
)
def test_a_shell_completes(line: str, expected: str) -> None:
    """TAB completes commands, commands of groups, and options."""
    environ = {
        **os.environ,
        "_LOG10_TRACE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }

    done = subprocess.run([SCRIPT], capture_output=True, text=True, env=environ, check=False)

    assert expected in done.stdout.split()


def test_original_names_still_work() -> None:
    """The names of the original client's commands lead to ours."""
    names = {command.name for command in completions.group.registered_commands}

    assert {"list", "get", "download", "benchmark_models"} <= names


def test_ctrl_c_while_starting_is_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends any command with 130, at whatever moment it comes."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "load", interrupted)

    assert app.run() == exit_codes.INTERRUPTED == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00+00:00"),
        (None, None),
    ],
)
def test_moments_are_understood(text: str | None, expected: str | None) -> None:
    """A moment with its zone is that moment, whatever the machine's own zone."""
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("text", ["2026-03-08", "2026-3-8", " 2026-03-08 "])
def test_a_day_is_the_users_own_and_whole(monkeypatch: pytest.MonkeyPatch, zone: str, text: str) -> None:
    """From a day to the same day is all of it in the user's own zone, also when the clocks change in it."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        spans = [parse_timestamp(text), end(text)]
    finally:
        monkeypatch.undo()
        time.tzset()

    midnights = [datetime(2026, 3, day, tzinfo=ZoneInfo(zone)) for day in (8, 9)]
    assert [datetime.fromisoformat(str(each)) for each in spans] == midnights


def test_a_moment_ends_a_span_at_once() -> None:
    """Where a time is named, nothing is added to it."""
    assert end("2026-01-31T00:00:00Z") == "2026-01-31T00:00:00+00:00"
    assert end(None) is None


def test_json_may_stand_in_a_file(tmp_path: Path) -> None:
    """Where JSON is asked for, @ and a name reads it from a file, and says so when there is none."""
    file = tmp_path / "f.json"
    file.write_text('{"a": 1}')

    assert parse_json_option(f"@{file}", "an object") == {"a": 1}
    with pytest.raises(SetupError, match="cannot be read"):
        parse_json_option("@/no/such/file", "an object")
