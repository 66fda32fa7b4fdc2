"""``completions export --format sqlite``, ``parquet`` and ``evals``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from openai.types.evals.create_eval_jsonl_run_data_source_param import CreateEvalJSONLRunDataSourceParam
from pydantic import TypeAdapter

from tests.cli.conftest import Cli, Said, call

Calls = list[dict[str, Any]]
Within = Callable[..., Said]


def ask(file: Path, question: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with closing(sqlite3.connect(file)) as database:
        return database.execute(question).fetchall()


def test_sqlite_has_the_calls_that_are_asked_for(within: Within, calls: Calls, tmp_path: Path) -> None:
    """Filters and limits hold, the oldest first, each with the cost that the server tells."""
    file, few = tmp_path / "calls.db", tmp_path / "few.db"

    done = within("completions", "export", "--format", "sqlite", "-o", str(file), "--tag", "even")
    within("completions", "export", "--format", "sqlite", "-o", str(few), "--limit", "2", "--bodies")

    assert (done.returncode, done.out, done.err) == (0, "", "3 calls written.\n")
    assert [row[0] for row in ask(file, "SELECT id FROM calls")] == [calls[n]["id"] for n in (0, 2, 4)]
    assert ask(file, "SELECT round(cost * 1e6, 3) FROM calls") == [(4.5,)] * 3
    assert ask(few, "SELECT question FROM calls") == [("question 0",), ("question 1",)]
    assert [json.loads(row[0])["id"] for row in ask(few, "SELECT record FROM records")] == [
        each["id"] for each in calls[:2]
    ]


def test_sqlite_is_resumed_and_not_written_over(
    cli: Cli, within: Within, calls: Calls, tmp_path: Path
) -> None:
    """A second export adds the calls that are new; without ``--resume`` or ``--force`` it is refused."""
    file = tmp_path / "calls.db"
    command = ("completions", "export", "--format", "sqlite", "-o", str(file))
    within(*command)
    with cli.client() as client:
        client.completions.batch(completions=[call(9)])

    refused, resumed, forced = within(*command), within(*command, "--resume"), within(*command, "--force")

    assert (refused.returncode, "Use --force to overwrite it" in refused.err) == (1, True)
    assert resumed.err == "1 call written, 6 were there already.\n"
    assert forced.err == "7 calls written.\n"
    assert ask(file, "SELECT count(*) FROM calls") == [(7,)]


class _BreaksOff(BaseHTTPRequestHandler):
    """A server without prices whose export ends in the middle of a line, as when it dies."""

    def do_GET(self) -> None:
        if "prices" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(json.dumps(call(0)).encode() + b"\n" + json.dumps(call(1)).encode()[:40])

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("form", ["sqlite", "parquet"])
def test_a_folder_is_not_written_to(within: Within, calls: Calls, tmp_path: Path, form: str) -> None:
    """Also one without a name, and with ``--force``."""
    for folder in ("/", str(tmp_path)):
        said = within("completions", "export", "--format", form, "--force", "-o", folder)
        assert (said.returncode, said.err) == (
            1,
            f"log10-trace: {folder} cannot be written: it is a folder.\n",
        )


@pytest.mark.parametrize("form", ["sqlite", "parquet"])
def test_an_export_that_breaks_off_leaves_no_half_file(
    within: Within, calls: Calls, tmp_path: Path, form: str
) -> None:
    """SQLite keeps what has come and says how to go on; of Parquet nothing is left."""
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    file = tmp_path / "calls.out"
    command = ("completions", "export", "--format", form, "-o", str(file))
    broken = ThreadingHTTPServer(("127.0.0.1", 0), _BreaksOff)
    serving = Thread(target=broken.serve_forever)
    serving.start()
    try:
        lost = within(*command, "--url", f"http://127.0.0.1:{broken.server_address[1]}")
    finally:
        broken.shutdown()
        broken.server_close()
        serving.join()

    assert (lost.returncode, file.exists()) == (3, False)
    if form == "parquet":
        assert list(tmp_path.glob("calls*")) == []
    else:
        assert "--resume goes on with it" in lost.err
        assert within(*command, "--resume").err == "5 calls written, 1 were there already.\n"
        assert ask(file, "SELECT count(*) FROM calls") == [(6,)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "sqlite"], "sqlite is not written to the standard output. Name a file"),
        (["--format", "parquet", "-o", "-"], "parquet is not written to the standard output. Name a file"),
        (["--format", "parquet", "-o", "x", "--resume"], "Write what is new to another file"),
        (["--format", "evals", "-o", "x", "--resume"], "evals cannot be resumed"),
        (["--format", "chat", "--bodies"], "Only csv, sqlite and parquet take it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_a_format_cannot_do_is_said(within: Within, words: list[str], said: str) -> None:
    """Before anything is asked or written."""
    done = within("completions", "export", *words)

    assert done.returncode == 2
    assert said in " ".join(done.err.replace("│", " ").split())


def test_the_server_is_asked_before_a_file_is_touched(within: Within, tmp_path: Path) -> None:
    """``--force`` costs no file when the server is away or refuses the key."""
    file = tmp_path / "calls.db"
    file.write_text("the only copy")
    command = ("completions", "export", "--format", "sqlite", "-o", str(file), "--force")

    away, refused = within(*command, "--url", "http://127.0.0.1:9"), within(*command, "--token", "wrong")

    assert (away.returncode, refused.returncode, file.read_text()) == (3, 4, "the only copy")


def test_parquet_has_the_calls(within: Within, calls: Calls, tmp_path: Path) -> None:
    """One call a row, the oldest first; several files in a folder are one table."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file, later = tmp_path / "1.parquet", tmp_path / "2.parquet"
    command = ("completions", "export", "--format", "parquet")

    done = within(*command, "-o", str(file), "--tag", "odd")
    within(*command, "-o", str(later), "--since", calls[3]["created_at"])

    assert (done.returncode, done.err) == (0, "3 calls written.\n")
    assert parquet.read_table(file)["question"].to_pylist() == ["question 1", "question 3", "question 5"]
    assert parquet.read_table(later).num_rows == 3
    assert parquet.read_table(tmp_path).num_rows == 6


def test_the_missing_library_is_named(cli: Cli, tmp_path: Path) -> None:
    """Without pyarrow the command says what to install, and touches no file."""
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError('No module named pyarrow')")
    file = tmp_path / "calls.parquet"
    command = ("completions", "export", "--format", "parquet", "-o", str(file))

    done = cli.run(*command, PYTHONPATH=str(tmp_path))

    said = " ".join(done.stderr.decode().split())
    assert done.returncode == 1
    assert "A Parquet file needs an optional dependency. Run: pip install 'log10-trace[parquet]'" in said
    assert not file.exists()


def test_evals_are_items_that_openai_takes(cli: Cli, within: Within, calls: Calls) -> None:
    """Each line is content of a JSON Lines data source; what was not answered is left out and counted."""
    tools = [{"type": "function", "function": {"name": "find", "parameters": {}}}]
    asked = {"model": "m", "messages": [{"role": "user", "content": "Where?"}], "tools": tools}
    asks = [{"id": "t", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    answer = {"role": "assistant", "content": None, "tool_calls": asks}
    with cli.client() as client:
        tool_call = call(8, request=asked, response={"model": "m", "choices": [{"message": answer}]})
        failed = call(9, status="failed", failure_kind="X", response=None)
        client.completions.batch(completions=[tool_call, failed])

    done = within("completions", "export", "--format", "evals")

    lines = [json.loads(line) for line in done.out.splitlines()]
    source = {"type": "jsonl", "source": {"type": "file_content", "content": lines}}
    TypeAdapter(CreateEvalJSONLRunDataSourceParam).validate_python(source)
    assert done.err == "7 calls written, 1 left out:\n  1 without an answer\n"
    assert lines[0] == {
        "item": {
            "id": calls[0]["id"],
            "model": "gpt-4o-mini-2024-07-18",
            "input": [{"role": "user", "content": "question 0"}],
            "output": "answer 0",
            "output_message": {"role": "assistant", "content": "answer 0"},
            "tags": ["even"],
            "metadata": {},
        }
    }
    assert (lines[-1]["item"]["output"], lines[-1]["item"]["output_message"]) == ("", answer)
    assert lines[-1]["item"]["tools"] == tools
