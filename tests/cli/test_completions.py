"""``completions list``, ``search``, ``get``, ``tail`` and ``delete``, as processes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.conftest import Cli, Said, call
from tests.processes import until

Calls = list[dict[str, Any]]


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens in the block, the process does not outlive it for long."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)


def ids(*numbers: int) -> list[str]:
    return [call(number)["id"] for number in numbers]


def test_list_in_a_pipe_is_plain_lines(cli: Cli, calls: Calls) -> None:
    """In a pipe a call is a line of cells apart by tabs: whole, without header and colours."""
    lines = cli.text("completions", "list", "--columns", "id,status,tokens,request").splitlines()

    assert lines[0] == f"{ids(5)[0]}\tfinished\t10/5\tquestion 5"
    assert len(lines) == 6


def test_no_color_is_honoured(cli: Cli, calls: Calls) -> None:
    """With NO_COLOR set, nothing on the terminal has a colour."""
    assert "\x1b[3" not in cli.screen("completions", "list", NO_COLOR="1").raw


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--limit", "2"], [5, 4]),
        (["--limit", "2", "--offset", "1"], [4, 3]),
        (["--oldest", "--limit", "2"], [0, 1]),
        (["--tag", "even"], [4, 2, 0]),
        (["--tags", "even,odd", "--tag-match", "all"], []),
        (["--session", "session-0"], [3, 0]),
        (["--since", "2026-01-01T00:00:04Z"], [5, 4]),
        (["--from", "2026-1-1", "--to", "2026-01-01T00:00:01Z", "--status", "finished"], [0]),
        (["--from", "2026-01-01", "--to", "2026-1-1", "--limit", "2"], [5, 4]),
        (["--to", "2025-12-31"], []),
        (["--min-tokens", "16"], []),
        (["--model", "gpt-4o-mini", "--function", "main", "--limit", "1"], [5]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_list_filters(
    within: Callable[..., Said], calls: Calls, words: list[str], expected: list[int]
) -> None:
    """Every filter of the API is an option, the original client's names among them."""
    said = within("completions", "list", "--json", *words)

    assert [json.loads(line)["id"] for line in said.out.splitlines()] == ids(*expected)


def test_search_finds_words(cli: Cli, calls: Calls) -> None:
    """Search gives the calls whose request or response holds the words."""
    rows = cli.rows("completions", "search", '"question 3"', "--json")

    assert [row["id"] for row in rows] == ids(3)


def test_a_search_on_a_terminal_shows_the_passages(cli: Cli) -> None:
    """Below each call stands where the words occur, the words in bold, control characters visible."""
    with cli.client() as client:
        client.completions.create(
            completion=call(
                1, request={"messages": [{"role": "user", "content": "a \x1b[2J refund\nplease"}]}
            )
        )

    found = cli.screen("completions", "search", "in:request refun")
    listed = cli.screen("completions", "list", "--search", "refund in:request")

    assert "request: a ␛[2J refund please" in found.text
    assert re.search("\x1b\\[1mrefund\x1b", found.raw)
    assert listed.text == found.text
    refused = cli.run("completions", "list", "-q", "in:prompt refund")
    assert (refused.returncode, refused.stdout) == (4, b"")
    assert b'"in:prompt" is unknown' in refused.stderr


def test_a_terminal_of_few_characters_is_no_failure(cli: Cli) -> None:
    """Where a character cannot be shown there is a mark in its place, and no error."""
    with cli.client() as client:
        client.completions.create(
            completion=call(1, request={"messages": [{"role": "user", "content": "né 你好"}]})
        )

    assert cli.text("completions", "list", "--columns", "request", PYTHONIOENCODING="ascii") == "n? ??\n"


def test_nothing_found_is_said_beside(cli: Cli) -> None:
    """An empty list is an empty output, and on a terminal a remark."""
    assert cli.text("completions", "list") == ""
    assert "No calls yet. See six arrive: log10-trace demo" in cli.screen("completions", "list").text
    assert "No such calls. The newest of all" in cli.screen("completions", "list", "--tag", "x").text


def test_get_shows_the_conversation(cli: Cli, calls: Calls) -> None:
    """A call is shown with its labels, who said what, and where it came from."""
    shown = cli.text("completions", "get", "latest")

    assert "user\n  question 5" in shown
    assert "assistant\n  answer 5" in shown
    assert "/app/main.py:7 in main" in shown
    assert "10 in, 5 out" in shown
    markdown = cli.text("completions", "get", "latest", "--md")
    assert "### `user`\n\n```\nquestion 5\n```\n" in markdown
    assert markdown.endswith("answer 5\n```\n")


def test_get_says_what_a_line_did_that_did_not_make_the_call(cli: Cli) -> None:
    """On the terminal and as Markdown."""
    frame = {"file": "/app/main.py", "line": "run()", "lineno": 7, "name": "main", "origin": "scope"}
    with cli.client() as client:
        client.completions.batch(completions=[json.dumps({**call(1), "id": "odd", "stacktrace": [frame]})])

    opened = "; the line opened the session or the tags of the call"
    assert f"/app/main.py:7 in main{opened}" in cli.text("completions", "get", "odd").replace("\n  ", " ")
    assert f"- Called from: `/app/main.py:7`{opened}" in cli.text("completions", "get", "odd", "--md")


def test_calls_are_found_by_their_trace(cli: Cli, calls: Calls) -> None:
    """``--trace`` takes the id of an OpenTelemetry trace; ``get`` shows it with the span."""
    trace_id, span_id = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with cli.client() as client:
        record = {**call(9), "id": "traced", "trace_id": trace_id, "span_id": span_id}
        client.completions.batch(completions=[json.dumps(record)])

    assert cli.text("completions", "list", "--columns", "id", "--trace", trace_id) == "traced\n"
    assert f"trace     {trace_id}, span {span_id}" in cli.text("completions", "get", "traced")
    assert f"- Trace: `{trace_id}`" in cli.text("completions", "get", "traced", "--md")


def test_get_says_once_why_a_call_failed(cli: Cli) -> None:
    """The provider's error is in the sentence of the failure, and is not printed as JSON as well."""
    error = {"error": {"message": "no such model", "code": "model_not_found"}}
    reason = f"Error code: 404 - {error}"
    failed = call(0, status="failed", response=error, failure_kind="NotFoundError", failure_reason=reason)
    with cli.client() as client:
        client.completions.batch(completions=[json.dumps(failed)])

    shown = cli.text("completions", "get", failed["id"])

    assert shown.count("no such model") == 1
    assert f"NotFoundError: {reason}" in shown


@pytest.mark.parametrize("words", [(), ("--json",), ("--raw",)])
def test_get_shows_a_call_of_any_shape(cli: Cli, within: Callable[..., Said], words: tuple[str, ...]) -> None:
    """Providers answer what they like: the command shows it, and says nothing of types."""
    odd = [
        call(1, request={"model": 7, "messages": "none", "tools": {}}, response={"choices": "none"}),
        call(2, request={"messages": [{"content": [{"type": "text"}, None, 3]}, None]}, response=["a list"]),
        call(3, response={"choices": [None, {"message": None}], "usage": {"prompt_tokens": "many"}}),
        call(4, request={"messages": [], "x\ud800": 1}, response={"usage": {"completion_tokens": 1.5}}),
    ]
    with cli.client() as client:
        client.completions.batch(completions=odd)

    for each in odd:
        said = within("completions", "get", *words, str(each["id"]))
        assert (said.returncode, said.err) == (0, "")


def test_get_raw_is_byte_for_byte(cli: Cli) -> None:
    """With --raw the record's text comes as it was received: spelling of numbers, lone surrogates and all."""
    text = '{"messages": [ {"role":"user","content":"\\ud83d"} ], "n": 1.10, "seed": 123456789012345678901}'
    record = f'{{"id": "exact", "status": "finished", "kind": "chat", "request": {text}}}'
    with cli.client() as client:
        client.completions.batch(completions=[record])

    done = cli.run("completions", "get", "exact", "--raw")

    assert text.encode() in done.stdout
    assert json.loads(cli.text("completions", "get", "--id", "exact", "--json"))["request"] == json.loads(
        text
    )


def test_terminal_is_safe_from_prompts(cli: Cli) -> None:
    """Control characters in a prompt are shown, never obeyed: by the list, by the whole call, by the tail."""
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m"
    with cli.client() as client:
        client.completions.create(
            completion=call(1, id="evil", request={"messages": [{"role": "user", "content": evil}]})
        )

    for words in (["list", "--columns", "request"], ["get", "evil"], ["tail"]):
        raw = cli.screen("completions", *words).raw
        assert "\x1b]0;" not in raw
        assert "\x1b[2J" not in raw
        assert "\x9b" not in raw
    assert "\x1b" not in cli.text("completions", "list", "--columns", "request")


def test_tail_shows_the_newest_last(cli: Cli, calls: Calls) -> None:
    """Without -f, tail shows the last calls, the newest at the bottom, and ends."""
    lines = cli.text("completions", "tail", "-n", "2", "--columns", "id").splitlines()

    assert lines == ids(4, 5)


def test_tail_follows(cli: Cli, calls: Calls) -> None:
    """With -f, calls are shown as they come in, one that takes long when it starts and when it ends."""
    words = ("completions", "tail", "-f", "-n", "1", "--columns", "id,status", "--interval", "0.05")
    shown: list[str] = []
    with (
        subprocess.Popen(cli._command(words), stdout=subprocess.PIPE, env=dict(cli.environ)) as process,
        cli.client() as client,
        ended(process),
    ):
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        reader = threading.Thread(target=lambda: shown.extend(line.decode().strip() for line in lines))
        reader.start()
        until(lambda: len(shown) == 1, "the newest call is shown")
        client.completions.create(completion=call(7, status="started", response=None))
        until(lambda: len(shown) == 2, "the started call is shown")
        client.completions.update(completion_id=call(7)["id"], completion=call(7))
        # Delivered late: older than what was shown already.
        client.completions.create(completion=call(2, id="late"))
        until(lambda: len(shown) == 4, f"the ended and the late call are shown after {shown}")

    reader.join()
    assert process.returncode == 130
    (latest, long) = ids(5, 7)
    assert shown[:2] == [f"{latest}\tfinished", f"{long}\tstarted"]
    assert sorted(shown[2:]) == sorted([f"{long}\tfinished", "late\tfinished"])


def test_tail_ends_cleanly_on_ctrl_c(cli: Cli, calls: Calls) -> None:
    """Ctrl-C ends a tail on a terminal with 130 and without a traceback."""
    screen = cli.screen("completions", "tail", "-f", "-n", "1", until="question 5")

    assert screen.returncode == 130
    assert "Traceback" not in screen.text


@pytest.mark.parametrize(
    ("words", "streams", "ends"),
    [
        (("list",), ">&-", (1, "log10-trace: the output cannot be written: Bad file descriptor\n")),
        (
            ("export", "--format", "csv"),
            ">&-",
            (1, "log10-trace: the output cannot be written: Bad file descriptor\n"),
        ),
        (("import", "-"), "<&-", (0, "0 calls imported.\n")),
    ],
)
def test_a_stream_that_is_closed(
    cli: Cli, calls: Calls, words: tuple[str, ...], streams: str, ends: tuple[int, str]
) -> None:
    """What cannot be written is an error in one sentence; what cannot be read is at its end."""
    command = " ".join([*cli._command(("completions", *words)), streams])
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=cli.environ, check=False)

    assert (done.returncode, done.stderr) == ends


def test_a_closed_pipe_is_no_failure(cli: Cli, calls: Calls) -> None:
    """``| head`` gets its lines, and the command says nothing about the pipe that closed."""
    command = " ".join([*cli._command(("completions", "list", "--json")), "| head -1"])

    done = subprocess.run(command, shell=True, capture_output=True, env=dict(cli.environ), check=False)

    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == b""


def test_delete_asks(cli: Cli, calls: Calls) -> None:
    """On a terminal deletion asks first, and no means no."""
    (wanted,) = ids(1)

    refused = cli.screen("completions", "delete", wanted, keys={"[y/N]": "n\n"})
    agreed = cli.screen("completions", "delete", wanted, keys={"[y/N]": "y\n"})

    assert (refused.returncode, agreed.returncode) == (1, 0)
    assert "Nothing was deleted" in refused.text
    assert wanted not in cli.text("completions", "list")


def test_delete_by_tag(cli: Cli, calls: Calls) -> None:
    """All calls with a tag go at once."""
    done = cli.run("completions", "delete", "--tag", "even", "--yes")

    assert done.stderr == b"3 deleted.\n"
    assert [row["id"] for row in cli.rows("completions", "list", "--json")] == ids(5, 3, 1)


def test_delete_names_what_is_not_there(cli: Cli, calls: Calls) -> None:
    """An id that nothing has is named, the others are deleted all the same."""
    done = cli.run("completions", "delete", "nothing", *ids(1), "--yes")

    assert done.returncode == 1
    assert done.stderr == b"There is no call nothing.\n1 deleted.\n"
