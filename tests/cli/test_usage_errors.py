"""A user's mistake is one sentence and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from log10_trace import errors
from log10_trace.cli import exit_codes
from tests.cli.conftest import Cli, Said

NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["completions", "get", "nothing"], 1, "no such completion"),
        (["sessions", "show", "nothing"], 1, "no such session"),
        (["feedback", "get", "nothing"], 1, "no such feedback"),
        (["feedback-task", "get", "nothing"], 1, "no such task"),
        (["completions", "get", "latest"], 1, "no calls yet"),
        (["completions", "get"], 2, "Which call?"),
        (["completions", "list", "--since", "yesterweek"], 2, "'yesterweek' is not a time. Use 2h"),
        (["stats", "--until", "tomorrow"], 2, "now, today, yesterday, a weekday such as monday"),
        (["completions", "list", "--columns", "id,colour"], 2, "no column 'colour'"),
        (["completions", "list", "--status", "lost"], 2, "lost"),
        (["completions", "list", "--limit", "0"], 2, "--limit"),
        (["completions", "list", "--status", "failed", "--status", "finished"], 2, "--status"),
        (["completions", "search", "x", "--since", "2h", "--from", "3h"], 2, "once"),
        (["completions", "export", "--model", "a", "--model=b"], 2, "--model"),
        (["completions", "tail", "--kind", "chat", "--kind", "chat"], 2, "--kind"),
        (["completions", "delete", "--tag", "a", "--tag", "b", "--yes"], 2, "--tag"),
        (["sessions", "list", "-q", "a", "--search", "b"], 2, "--search"),
        (["feedback", "list", "--task", "a", "--task_id", "b"], 2, "--task"),
        (["stats", "--by", "tag", "--by", "model"], 2, "--by"),
        (["completions", "delete"], 2, "Say which calls"),
        (["completions", "delete", "x"], 2, "pass --yes"),
        (["completions", "export", "--resume"], 2, "--resume needs --output"),
        (["completions", "import", "/no/such/file"], 1, "/no/such/file cannot be read"),
        (["completions", "export", "-o", "/no/such/folder/f"], 1, "cannot be written"),
        (["feedback", "list", "--filter", "nonsense"], 2, "is no condition"),
        (["feedback", "create", "--task", "t", "--values", "{", "--completion", "c"], 2, "Invalid JSON"),
        (["feedback", "create", "--task", "t", "--values", "{}"], 2, "on which calls"),
        (["feedback", "grade", "--task", "t"], 1, "needs a terminal"),
        (["feedback-task", "create", "--name", "n", "--schema", "3"], 2, "is an object"),
        (["replay", "x", "--set", "nonsense"], 2, "is no parameter"),
        (["benchmark", "--models", "m", "-o", "report.pdf"], 2, ".md, .csv or .jsonl"),
        (["completions", "list", "--url", "nowhere"], 2, "url='nowhere' cannot be used"),
        (["completions", "list", "--url", NOBODY], 3, "No completions API answers at http://127.0.0.1:9"),
        (["completions", "list", "--token", "wrong"], 4, "key"),
        (["completions", "nonsense"], 2, "No such command"),
        (["comletions", "list"], 2, "No such command 'comletions'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes(within: Callable[..., Said], words: list[str], code: int, said: str) -> None:
    """Every mistake has its exit code, and a sentence on the standard error that names the thing."""
    done = within(*words)

    message = " ".join(done.err.replace("│", " ").split())
    assert (done.returncode, done.out) == (code, "")
    assert said in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["completions", "get", "01900000-0000-7000-8000-000000000000"], "log10-trace ls"),
        (["sessions", "show", "nothing"], "log10-trace sessions list"),
        (["feedback", "get", "nothing"], "log10-trace feedback list"),
        (["feedback-task", "get", "nothing"], "log10-trace feedback-task list"),
        (["completions", "list", "--token", "wrong"], "log10-trace keys create"),
        (["completions", "list", "--url", NOBODY], "log10-trace serve"),
        (["completions", "get", "latest"], "log10-trace demo"),
    ],
)
def test_errors_name_what_to_type_next(within: Callable[..., Said], words: list[str], command: str) -> None:
    """The message names the command that helps."""
    assert command in within(*words).err


@pytest.mark.parametrize(("url", "token", "code"), [(NOBODY, "x", 3), (None, "wrong", 4)])
def test_a_process_ends_with_the_code(cli: Cli, url: str | None, token: str, code: int) -> None:
    """The exit code is the process's own, and its output is empty."""
    done = cli.run("stats", LOG10_TOKEN=token, **({"LOG10_URL": url} if url else {}))

    assert (done.returncode, done.stdout) == (code, b"")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_is_no_file(within: Callable[..., Said], tmp_path: Path) -> None:
    """A folder in the place of a file is a sentence too."""
    done = within("completions", "import", str(tmp_path))

    assert done.returncode == 1
    assert "Is a directory" in done.err


def test_replay_without_a_key_says_so(cli: Cli) -> None:
    """Without a key a replay says which variable has it, in no words of the SDK's arguments."""
    done = cli.run("replay", "latest")

    assert done.returncode == 1
    assert b"set OPENAI_API_KEY" in done.stderr
    assert b"api_key" not in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigError, 2),
        (errors.ArgumentError, 2),
        (errors.APIConnectionError, 3),
        (errors.APITimeoutError, 3),
        (errors.AuthenticationError, 4),
        (errors.ConflictError, 4),
        (errors.ValidationError, 4),
        (errors.RateLimitError, 4),
        (errors.NotFoundError, 1),
        (errors.ServerError, 1),
        (errors.SetupError, 1),
        (errors.MissingExtraError, 1),
    ],
)
def test_every_error_has_its_exit_code(kind: type[errors.Log10Error], code: int) -> None:
    """The exit code follows from the class of the error."""
    assert exit_codes.exit_code_for(kind.__new__(kind)) == code
