"""Calls are named by their ids, by parts of them, and by their places among the newest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from log10_trace import Log10
from log10_trace.cli.call_reference import resolve_id
from log10_trace.domain.keys import Scope
from tests.cli.conftest import Cli, Said, call

Calls = list[dict[str, Any]]

OLDER, NEWER = "01900000-0000-7000-8000-00000000aaaa", "01900000-0000-7000-8000-00000001aaaa"


@pytest.fixture
def named(cli: Cli) -> Cli:
    """An organization with two calls whose ids share both ends, and an older one without a UUID."""
    made = [call(1, id="call-one"), call(2, id=OLDER), call(3, id=NEWER)]
    with cli.client() as client:
        client.completions.batch(completions=made)
    return cli


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["latest"], NEWER),
        (["-1"], NEWER),
        (["-2"], OLDER),
        (["-2", "--json"], OLDER),
        (["--json", "--", "-3"], "call-one"),
        (["--id", "-3"], "call-one"),
        (["0001aaaa"], NEWER),
        (["00000000aaaa"], OLDER),
        (["01900000-0000-7000-8000-00000001"], NEWER),
        (["call"], "call-one"),
        (["-one"], None),
        (["--", "-one"], "call-one"),
        ([OLDER], OLDER),
    ],
    ids=str,
)
def test_get(named: Cli, within: Callable[..., Said], words: list[str], expected: str | None) -> None:
    """A call is shown by each of its names."""
    said = within("completions", "get", *(() if "--json" in words else ("--json",)), *words)

    assert (json.loads(said.out)["id"] if said.out else None) == expected


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["-x"], 2, "No such option: -x"),
        (["-2x"], 2, "No such option: -2"),
        (["-0"], 2, "No such option: -0"),
        (["-4"], 1, "There is no call -4: there is no more than 3 calls."),
        (["fff0"], 1, "no id begins or ends with 'fff0'. See them: log10-trace ls"),
        (["aaa"], 1, "no such completion"),
        (["aaaa\x01"], 1, "no such completion"),
        (["aaaa\udcff"], 2, "unpaired surrogate"),
        (["a" * 600], 1, "no such completion"),
        (["../../../keys"], 1, "no id begins or ends with"),
        (["aaaa"], 2, "'aaaa' may be 2 calls. Type more of the id:"),
    ],
    ids=str,
)
def test_mistakes(
    named: Cli, within: Callable[..., Said], words: list[str], code: int, expected: str
) -> None:
    """What names no call, or several, is said, with the exit code of its kind."""
    said = within("completions", "get", *words)

    assert (said.returncode, said.out) == (code, "")
    assert expected in " ".join(said.err.replace("│", " ").split())


def test_the_candidates_are_shown(named: Cli) -> None:
    """An ambiguous part shows each call's whole id, age, model and words, in 80 columns."""
    hostile = {"model": "m", "messages": [{"role": "user", "content": "\x1b[2J 你好"}]}
    with named.client() as client:
        client.completions.create(completion=call(4, id="evil-aaaa", request=hostile))
    screen = named.screen("completions", "get", "aaaa", width=80)

    lines = screen.text.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["evil-aaaa", NEWER, OLDER]
    assert "gpt-4o-mini  question 3" in lines[2]
    assert "ago" in lines[2]
    assert "␛[2J 你好" in lines[1]
    assert max(map(len, lines)) <= 80


def test_many_candidates_are_some(cli: Cli) -> None:
    """Of more than ten candidates ten are shown."""
    with cli.client() as client:
        client.completions.batch(completions=[call(number) for number in range(12)])
    said = cli.run("completions", "get", "0190")

    assert said.stderr.startswith(b"'0190' may be more than 10 calls.")
    assert len(said.stderr.splitlines()) == 11


def test_another_organization_is_not_seen(named: Cli, new_cli: Callable[[], Cli]) -> None:
    """The call of another organization is found by none of its names."""
    other = new_cli()

    for name in ("latest", "-2", "0001aaaa", "call", NEWER):
        assert other.run("completions", "get", name).returncode == 1


def test_commands_take_parts(named: Cli, within: Callable[..., Said]) -> None:
    """diff, delete, feedback and sessions take the same names."""
    compared = json.loads(within("completions", "diff", "-2", "0001aaaa", "--json").out)
    assert [compared["a"], compared["b"]] == [OLDER, NEWER]
    shown = within("sessions", "show", "-2", "--json")
    assert json.loads(shown.out)["id"] == OLDER

    task = within("feedback-task", "create", "--name", "n", "--schema", "{}").out.strip()
    about = ["--completion", "-2,call", "--task", task]
    given = json.loads(within("feedback", "create", *about, "--values", "{}", "--json").out)
    assert given["matched_completion_ids"] == [OLDER, "call-one"]
    assert within("feedback", "list", "--completion", "000aaaa", "--json").out.count("\n") == 1
    assert within("feedback", "list", "--completion", "nothing", "--json").returncode == 0

    assert within("completions", "delete", "aaaa", "call", "--yes").returncode == 2
    gone = within("completions", "delete", "-1", "0001aaaa", "-one", "--yes")
    assert gone.returncode == 2
    gone = within("completions", "delete", "-1", "0001aaaa", "--yes")
    assert (gone.returncode, gone.err.splitlines()[-1]) == (0, "1 deleted.")
    assert f"0001aaaa is {NEWER}" in gone.err
    assert within("completions", "get", "latest", "--json").out.count(OLDER) == 1


def test_a_key_that_may_not_read(named: Cli, new_cli: Callable[..., Cli]) -> None:
    """A key that may only grade gives feedback by whole ids, as no part can be looked up with it."""
    task = named.text("feedback-task", "create", "--name", "n", "--schema", "{}").strip()
    grader = new_cli(Scope.FEEDBACK, organization=named.organization)
    about = ("feedback", "create", "--task", task, "--values", "{}", "--completion")

    assert grader.run(*about, "call-one").returncode == 0
    assert grader.run(*about, "call").returncode == 4


def test_a_server_of_an_earlier_version() -> None:
    """A server that cannot look ids up takes what was typed for the whole id."""
    refusal = {"code": "not_found", "message": "There is no such completion."}
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(404, json=refusal)))

    with http, Log10(server_url="http://127.0.0.1:9", log10_token="key", http_client=http) as client:
        assert resolve_id(client, "call") == "call"
