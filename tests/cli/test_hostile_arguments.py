"""Whatever is typed, a command ends with an exit code and a sentence that names what is wrong."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.core import TyperGroup
from typer.main import get_command

from log10_trace.cli import app, demo, exit_codes
from log10_trace.errors import SetupError
from log10_trace.server.running import bind
from tests.cli.conftest import Cli

NOBODY: Final = "http://127.0.0.1:9"
CODES: Final = {
    value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)
}
ENDLESS: Final = {"--follow", "-f"}
"""Of ``completions tail``: it goes on until Ctrl-C."""
HOSTILE: Final = (
    *("", " ", "-", "--", "-x", "--nope", "--json=1", "=", "a=", "=1", "a=b", "temperature=", "%s", "*"),
    *("{", "[1,", "null", "[]", "3", '{"type": "object"}', "'", '"', "\\", "x" * 5000, "a\nb", "a\tb"),
    *("\x1b[31m", "\x07", "\u202e", "\u200b", "\N{COLLISION SYMBOL}", "\u0661", "\udc80", "\ufeff"),
    *("-1", "0", "-0", "1e309", "nan", "inf", "9" * 30, "9" * 5000, "0x10", "1_000", "1.5", str(2**63)),
    *("yesterday", "tomorrow", "2026-02-30", "9999-12-31", "0001-01-01", "999999w", "9999999w", "-2h"),
    *("http://", "http://[", "http://[::1", "http://127.0.0.1:port", "http://127.0.0.1:99999", "ftp://a"),
    *("//", "a:b", "http://user:secret@127.0.0.1:9", NOBODY, "postgresql://[", "postgres://127.0.0.1:9/x"),
    *("sqlite:///", "~nobody/x", "@", "@/no/such", "@.", "/proc/none/x", "/dev/full", "folder", "folder/"),
    *(
        "broken.json",
        "closed",
        "link",
        ".",
        "..",
        "../x",
        "a/b",
        "a?b",
        "a#b",
        "latest",
        "-2",
        "id,colour",
        ",",
    ),
)


@dataclass(frozen=True)
class Command:
    """A command and the parameters that it declares."""

    words: tuple[str, ...]
    parameters: tuple[Any, ...]


def build_application() -> TyperGroup:
    """The application with all its commands; building it takes longer than running most of them."""
    app.load(tuple(app.GROUPS))
    built = get_command(app.app)
    assert isinstance(built, TyperGroup)
    return built


def commands() -> list[Command]:
    """All commands of the application."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[Command]:
        if isinstance(command, TyperGroup):
            for name, each in command.commands.items():
                yield from walk(each, (*words, name))
        else:
            yield Command(words, tuple(command.params))

    return list(walk(APPLICATION, ()))


APPLICATION: Final = build_application()
COMMANDS: Final = commands()
VALUES: Final = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=()), max_size=12
).filter(lambda text: "\0" not in text)


PLAUSIBLE: Final = (
    "3",
    "latest",
    "a.jsonl",
    "2h",
    "m",
    "a=1",
    "{}",
    "01900000-0000-7000-8000-000000000003",
    NOBODY,
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command with what it needs and up to three options, and now and then a word too many.

    Most values are hostile; the rest let the command come to where it uses the others.
    """
    command = draw(st.sampled_from(COMMANDS))
    value = VALUES | VALUES | st.sampled_from(PLAUSIBLE)
    options = [each for each in command.parameters if not (each.required or ENDLESS & set(each.opts))]
    chosen = draw(st.lists(st.sampled_from(options), max_size=3, unique_by=id)) if options else []
    words = list(command.words)
    for parameter in [each for each in command.parameters if each.required or each in chosen]:
        if parameter.param_type_name == "option":
            words.append(parameter.opts[0])
        if not getattr(parameter, "is_flag", False):
            words.append(draw(value))
    return words + (draw(st.lists(VALUES, max_size=1)) if draw(st.integers(0, 5)) == 0 else [])


@pytest.fixture
def harmless(tmp_path: Path, private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of odd files to stand in, no server that could start and no browser."""

    def refuse(*_: object, **__: object) -> Any:
        message = "stopped by the test"
        raise SetupError(message)

    monkeypatch.setattr(bind, "listening_socket", refuse)
    monkeypatch.setattr(demo, "_server", refuse)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.setenv(name, "")
    place = tmp_path / "place"
    (place / "folder").mkdir(parents=True)
    (place / "broken.json").write_text('{"models": [')
    (place / "closed").write_text("x")
    (place / "closed").chmod(0)
    (place / "link").symlink_to(place / "link")
    monkeypatch.chdir(place)


@contextlib.contextmanager
def unchanged_variables() -> Iterator[None]:
    """What a command sets in the environment is not there for the next one."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def check(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command, and hold what it says against what is promised."""
    with unchanged_variables(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["log10-trace", *words])
        patched.setattr(app, "load", lambda _: None)
        patched.setattr(app, "app", APPLICATION)
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        code = app.run()
    out, err = capsys.readouterr()
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", err).split())

    assert code in CODES, (words, code)
    assert "Traceback" not in out + err, (words, err)
    if code not in (exit_codes.DONE, exit_codes.INTERRUPTED):
        assert said or "--help" in out or code == exit_codes.FAILED, (words, out)
    if code == exit_codes.NOT_UNDERSTOOD:
        assert names_something(said, words), (words, said)


def names_something(said: str, words: list[str]) -> bool:
    """Whether a message names an option, an argument, a setting or a value of the command line."""
    names = re.search(r"--?[a-z]|'[\w\[\]]+'|Missing|extra argument|No such (command|option)|LOG10_", said)
    return bool(names) or any(word.strip() and word in said for word in words)


BOUNDED = settings(
    max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "60")),
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    database=None,
)


@pytest.mark.slow
def test_any_command_line_beside_a_server(
    cli: Cli, calls: list[dict[str, Any]], harmless: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """With a server that answers, each command ends as promised whatever stands behind its name."""
    for name in ("LOG10_URL", "LOG10_TOKEN"):
        monkeypatch.setenv(name, cli.environ[name])

    @BOUNDED
    @given(words=command_lines())
    def hold(words: list[str]) -> None:
        check(words, capsys)

    hold()


@pytest.mark.slow
def test_any_command_line_without_a_server(harmless: None, capsys: Any) -> None:
    """Without one too, and each command is run at least with nothing behind its name."""
    for command in COMMANDS:
        check(list(command.words), capsys)

    @BOUNDED
    @given(words=command_lines())
    def hold(words: list[str]) -> None:
        check(words, capsys)

    hold()
