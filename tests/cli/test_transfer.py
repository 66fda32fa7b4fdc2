"""``completions export`` and ``import``: nothing changes on the way out and back in."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.cli.completions.import_ import batches
from log10_trace.cli.completions.import_format import convert_line
from log10_trace.cli.files import json_lines, open_for_reading, truncate_partial_line
from log10_trace.domain.byte_lines import split_lines
from log10_trace.errors import SetupError
from log10_trace.export.delivery.sender import BATCH_BYTES
from log10_trace.models.operations import Limits
from tests.cli.conftest import Cli, call

Calls = list[dict[str, Any]]

ODD = (
    '{"id":"odd","kind":"chat","status":"finished","created_at":"2026-01-01T01:00:00Z",'
    '"request":{"model":"m","messages":[{"role":"user","content":"\\ud83d \\u2028 \\u0000 é"}],'
    '"seed":1234567890123456789012},'
    '"response":{"choices":[],"x":1.10,"y":1e2,"z":-0.0, "empty":{ } },"stranger":{"a":[1.50]}}'
)


def without_organization(exported: bytes) -> list[bytes]:
    """The lines without the organization, which every test has another of."""
    texts = [line.decode() for line in exported.splitlines()]
    return [
        text.replace(json.dumps(json.loads(text)["organization_id"]), '"ours"').encode() for text in texts
    ]


def test_export_import_export_is_byte_equal(
    cli: Cli, new_cli: Callable[[], Cli], calls: Calls, tmp_path: Path
) -> None:
    """What is exported, imported elsewhere and exported again is the same bytes, whatever is in it."""
    with cli.client() as client:
        client.completions.batch(completions=[ODD])
    elsewhere = new_cli()
    file = tmp_path / "calls.jsonl"

    out = cli.run("completions", "export", "-o", str(file))
    in_ = elsewhere.run("completions", "import", str(file))
    again = elsewhere.run("completions", "export")

    assert (out.returncode, in_.returncode, again.returncode) == (0, 0, 0)
    assert without_organization(again.stdout) == without_organization(file.read_bytes())
    assert '"seed":1234567890123456789012' in file.read_text()
    assert b"7 calls imported." in in_.stderr


def test_a_file_is_not_written_over_for_nothing(cli: Cli, tmp_path: Path) -> None:
    """``--force`` touches the file only once the server has answered."""
    file = tmp_path / "calls.jsonl"
    file.write_text("the only copy")

    away = cli.run("completions", "export", "-o", str(file), "--force", "--url", "http://127.0.0.1:9")
    refused = cli.run("completions", "export", "-o", str(file), "--force", "--token", "wrong")

    assert (away.returncode, refused.returncode, file.read_text()) == (3, 4, "the only copy")


def test_bodies_that_python_cannot_hold_go_in_and_out(cli: Cli, tmp_path: Path) -> None:
    """Integers of thousands of digits and strings of thousands of brackets are no fault of a line."""
    file = tmp_path / "calls.jsonl"
    answered = '"response":{"choices":[{"message":{"role":"assistant","content":"x"}}]}'
    many = "7" * 5000
    file.write_text(
        f'{{"id":"long","status":"finished","request":{{"model":"m","messages":[],"n":{many}}},{answered}}}\n'
        f'{{"id":"deep","kind":"completion","request":"{"[" * 5000}"}}\n'
    )

    in_ = cli.run("completions", "import", str(file))
    forms = ("chat", "openai-finetune", "raw", "jsonl")
    outs = [cli.run("completions", "export", "--format", form) for form in forms]
    out = tmp_path / "out.jsonl"
    resumed = [cli.run("completions", "export", "-o", str(out), "--resume") for _ in range(2)]

    assert (in_.returncode, in_.stderr) == (0, b"2 calls imported.\n")
    assert [each.returncode for each in (*outs, *resumed)] == [0] * 6
    assert [many.encode() in each.stdout for each in outs] == [False, False, True, True]
    assert many in out.read_text()
    assert len(out.read_text().splitlines()) == 2


def test_importing_what_was_deleted_says_so(cli: Cli, tmp_path: Path) -> None:
    """A call that was deleted is not imported, and the summary counts it."""
    line = '{"id":"gone","source":"s","sequence":1,"status":"finished","request":{"model":"m","messages":[]}}'
    cli.run("completions", "import", "-", stdin=line)
    cli.run("completions", "delete", "gone", "--yes")

    again = cli.run("completions", "import", "-", stdin=line)

    assert again.returncode == 0
    assert again.stderr == b"0 calls imported, 1 were deleted before and stay so.\n"


def test_importing_twice_changes_nothing(cli: Cli, calls: Calls) -> None:
    """A file that is imported again leaves each call there once, a call without id included."""
    nameless = json.dumps({"status": "finished", "kind": "chat", "request": {}, "response": {}})

    first = cli.run("completions", "import", "-", stdin=nameless)
    second = cli.run("completions", "import", "-", stdin=nameless)

    assert b"1 call imported." in first.stderr
    assert b"0 calls imported, 1 were there already." in second.stderr
    assert len(cli.text("completions", "list").splitlines()) == 7


def test_bad_lines_are_named_and_the_rest_imported(cli: Cli) -> None:
    """A half-written line, and one that the server refuses, are reported by number; the others arrive."""
    good, refused = json.dumps(call(1)), json.dumps(call(2, status="lost"))
    torn = json.dumps(call(3))[:50]

    done = cli.run("completions", "import", "-", stdin=f"{good}\n\n{refused}\n[]\n{torn}")

    said = done.stderr.decode()
    assert done.returncode == 1
    assert "line 3: status" in said
    assert "line 4: The line is not a JSON object" in said
    assert "line 5: The line is not a JSON object" in said
    assert "1 call imported, 3 lines could not be." in said
    assert [row["id"] for row in cli.rows("completions", "list", "--json")] == [call(1)["id"]]


def test_original_clients_file_is_read(cli: Cli) -> None:
    """The JSON lines of the original client come in: tags by name, its kinds, milliseconds as seconds."""
    line = {
        "id": "b922d686-4aae-42ef-815e-60987adfbe16",
        "organization_id": "theirs",
        "created_at": "2024-02-23T19:37:17.709536+00:00",
        "status": "finished",
        "kind": "completion",
        "duration": 384,
        "tags": ["0a1b"],
        "tagResolved": [{"id": "0a1b", "name": "foo"}],
        "request": json.dumps({"prompt": "Ping?", "model": "gpt-3.5-turbo-instruct"}),
        "response": {"object": "text_completion", "choices": [{"index": 0, "text": "Pong!"}]},
        "failure_kind": None,
    }

    done = cli.run("completions", "import", "-", stdin=json.dumps(line))

    assert done.returncode == 0, done.stderr
    record = json.loads(cli.text("completions", "get", line["id"], "--json"))
    assert record["kind"] == "prompt"
    assert record["tags"] == ["foo"]
    assert record["duration"] == 0.384
    assert record["request"] == {"prompt": "Ping?", "model": "gpt-3.5-turbo-instruct"}


def test_csv_is_a_table(cli: Cli, calls: Calls) -> None:
    """A CSV export has a header and a row for each call, the oldest first."""
    rows = list(csv.DictReader(io.StringIO(cli.text("completions", "export", "--format", "csv"))))

    assert [row["id"] for row in rows] == [each["id"] for each in calls]
    assert (rows[0]["question"], rows[0]["line"], "request" in rows[0]) == ("question 0", "7", False)
    assert '"request"' in cli.text("completions", "export", "--format", "csv", "--bodies")
    assert cli.run("completions", "export", "--bodies").returncode == 2
    assert len(cli.text("completions", "export", "--format", "csv", "-n", "2").splitlines()) == 3


def test_chat_form_is_the_conversation(cli: Cli, calls: Calls) -> None:
    """The chat form is the messages with the answer as the last one."""
    first, *_ = cli.rows("completions", "export", "--format", "chat", "--limit", "1")

    assert first == {
        "id": calls[0]["id"],
        "model": "gpt-4o-mini-2024-07-18",
        "messages": [
            {"role": "user", "content": "question 0"},
            {"role": "assistant", "content": "answer 0"},
        ],
    }


def test_finetune_form_leaves_out_what_was_not_answered(cli: Cli, calls: Calls) -> None:
    """Training examples are made of whole answers only; what is left out is counted."""
    with cli.client() as client:
        client.completions.create(completion=call(9, status="failed", response=None, tags=["even"]))

    done = cli.run("completions", "export", "--format", "openai-finetune", "--tag", "even")

    examples = [json.loads(line) for line in done.stdout.splitlines()]
    assert [example["messages"][-1]["content"] for example in examples] == [
        "answer 0",
        "answer 2",
        "answer 4",
    ]
    assert set(examples[0]) == {"messages"}
    assert b"3 calls written, 1 left out:\n  1 failed, interrupted or not finished\n" in done.stderr


def test_raw_form_is_what_was_on_the_wire(cli: Cli) -> None:
    """The raw form has the bodies as they were spelled on the wire, the native ones of a Responses call."""
    native = '{"input":"hi","n":1.10}'
    head = '"id":"r","status":"finished","created_at":"2026-01-01T02:00:00Z","request":{"messages":[]}'
    bodies = f'"native_request":{native},"native_response":{{"output":[]}}'
    with cli.client() as client:
        client.completions.batch(completions=[ODD, f"{{{head},{bodies}}}"])

    odd, responses = cli.run("completions", "export", "--format", "raw").stdout.splitlines()

    assert b'"response":{"choices":[],"x":1.10,"y":1e2,"z":-0.0, "empty":{ } }' in odd
    assert responses == f'{{"id":"r","request":{native},"response":{{"output":[]}}}}'.encode()


def test_export_does_not_write_over_a_file(cli: Cli, calls: Calls, tmp_path: Path) -> None:
    """A file that is there is not touched, unless --force says so."""
    file = tmp_path / "calls.jsonl"
    file.write_text("mine")

    refused = cli.run("completions", "export", "-o", str(file))
    kept = file.read_text()
    forced = cli.run("completions", "export", "-o", str(file), "--force")

    assert (refused.returncode, kept, forced.returncode) == (1, "mine", 0)
    assert b"already exists" in refused.stderr
    assert len(file.read_bytes().splitlines()) == 6


def test_only_an_export_is_gone_on_with(cli: Cli, tmp_path: Path) -> None:
    """A file that holds something else is left as it is, with a sentence."""
    file = tmp_path / "notes.txt"
    file.write_text("my notes\n")

    done = cli.run("completions", "export", "-o", str(file), "--resume")

    assert done.returncode == 1
    assert b"something else than an export" in done.stderr
    assert file.read_text() == "my notes\n"


class _BreaksOff(BaseHTTPRequestHandler):
    """A server whose export ends in the middle of a line, as when it dies."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(json.dumps(call(0)).encode() + b"\n" + json.dumps(call(1)).encode()[:40])

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def test_export_that_broke_off_goes_on(cli: Cli, calls: Calls, tmp_path: Path) -> None:
    """An export that lost its server says how to go on, and --resume makes the file whole."""
    file = tmp_path / "calls.jsonl"
    broken = ThreadingHTTPServer(("127.0.0.1", 0), _BreaksOff)
    Thread(target=broken.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{broken.server_address[1]}"
        lost = cli.run("completions", "export", "-o", str(file), "--url", url)
    finally:
        broken.shutdown()
        broken.server_close()

    resumed = cli.run("completions", "export", "-o", str(file), "--resume")

    assert lost.returncode == 3
    assert b"--resume goes on with it" in lost.stderr
    assert b"5 calls written, 1 were there already." in resumed.stderr
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == [
        each["id"] for each in calls
    ]


def test_progress_is_drawn_on_a_terminal_only(cli: Cli, calls: Calls, tmp_path: Path) -> None:
    """A long work draws its progress for people, and nothing into a pipe."""
    screen = cli.screen("completions", "export", "-o", str(tmp_path / "a.jsonl"))

    assert "Exporting" in screen.text
    assert b"Exporting" not in cli.run("completions", "export", "-o", str(tmp_path / "b.jsonl")).stderr


@pytest.mark.parametrize("cut", range(1, 8))
def test_lines_are_cut_wherever_the_pieces_end(cut: int) -> None:
    """Lines come out the same however the bytes are cut into pieces."""
    text = b"ab\n\ncd\ne"

    assert list(split_lines([text[:cut], text[cut:]])) == [b"ab", b"", b"cd", b"e"]


def test_only_whole_lines_stay(tmp_path: Path) -> None:
    """Going on with a file begins by cutting off a line that was never finished."""
    file = tmp_path / "f"
    file.write_bytes(b"one\ntwo\nthr")

    truncate_partial_line(file)

    assert file.read_bytes() == b"one\ntwo\n"


def test_batches_keep_to_the_limits() -> None:
    """No batch has more records or bytes than the server takes; one too large for any stands alone."""
    sizes = [3, 3, 3, 20, 3, 3]
    numbered = list(enumerate((b"x" * size for size in sizes), start=1))

    made = list(batches(numbered, Limits(batch_items=2, batch_bytes=10)))

    assert [[number for number, _ in batch] for batch in made] == [[1, 2], [3], [4], [5, 6]]


def test_no_batch_keeps_a_busy_server_for_longer_than_the_client_waits() -> None:
    """Batches are as small as those that programs deliver, however much the server takes at once."""
    numbered = list(enumerate([bytes(BATCH_BYTES // 3)] * 5, start=1))

    made = list(batches(numbered, Limits(batch_items=500, batch_bytes=64 << 20)))

    assert [[number for number, _ in batch] for batch in made] == [[1, 2], [3, 4], [5]]


def test_a_record_that_needs_no_change_is_not_respelled() -> None:
    """Reading a line takes the organization off and leaves every other character as it was."""
    line = b'{"id":"a","organization_id":"o","request":{"n": 1.10 },"tags":["\\u00e9"]}'

    assert convert_line(line) == b'{"id":"a","request":{"n": 1.10 },"tags":["\\u00e9"]}'
    assert b'"organization_id":"o"' in convert_line(line, keep_organization=True)


def test_compressed_file_is_a_sentence(cli: Cli, tmp_path: Path) -> None:
    """A compressed file is refused with one sentence that says what to do."""
    file = tmp_path / "calls.jsonl.gz"
    file.write_bytes(gzip.compress(b"{}"))

    done = cli.run("completions", "import", str(file))

    assert done.returncode == 1
    assert b"compressed" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\r\n"], ids=repr)
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", b""),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
    ],
)
def test_lines_are_read_as_windows_writes_them(encoding: str, mark: bytes, end: str, tmp_path: Path) -> None:
    """Every Unicode encoding and line end gives the same lines, wherever reading cuts the file."""
    made = [
        json.dumps({"n": n, "text": "Grüße 🐝 \r {}", "pad": "x" * n}, ensure_ascii=False) for n in range(300)
    ]
    file = tmp_path / "calls.jsonl"
    file.write_bytes(mark + end.join(made).encode(encoding))

    with open_for_reading(str(file)) as opened:
        found = [line.decode() for line in json_lines(opened)]

    assert [line for line in found if line] == made


def test_a_carriage_return_within_a_record_ends_no_line(tmp_path: Path) -> None:
    """Between the members of an object a carriage return is space."""
    file = tmp_path / "calls.jsonl"
    file.write_bytes(b'{"a":[{},\r{}]\r,"b":{}\r}\r{"c":1}\r')

    with open_for_reading(str(file)) as opened:
        assert list(json_lines(opened)) == [b'{"a":[{},\r{}]\r,"b":{}\r}', b'{"c":1}']


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\x00\x00", b"{\x00", b"\x1f"])
)
def test_every_file_is_lines(tmp_path_factory: pytest.TempPathFactory, content: bytes, mark: bytes) -> None:
    """Whatever bytes a file holds, reading it gives lines that are refused one by one, or one sentence."""
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_bytes(mark + content)

    with open_for_reading(str(file)) as opened, suppress(SetupError):
        assert all(isinstance(line, bytes) for line in json_lines(opened))


def test_a_line_without_id_is_one_call_however_windows_saved_it(cli: Cli) -> None:
    """The same calls with a byte order mark and other line ends are there already."""
    line = b'{"status":"finished","request":{},"response":{}}'
    unix, windows = line + b"\n", line + b"\r\n"
    for file in (unix, windows, codecs.BOM_UTF8 + windows, windows.decode().encode("utf-16")):
        assert cli.run("completions", "import", "-", stdin=file).returncode == 0

    assert len(cli.text("completions", "list").splitlines()) == 1


def test_files_that_were_put_together_are_read(cli: Cli) -> None:
    """A byte order mark in the middle, as two files one after the other have it, ends with the first file."""
    parts = [codecs.BOM_UTF8 + json.dumps(call(number)).encode() + b"\r\n" for number in range(2)]

    done = cli.run("completions", "import", "-", stdin=b"".join(parts))

    assert (done.returncode, done.stderr) == (0, b"2 calls imported.\n")


def test_lines_in_the_encoding_of_windows_are_read_and_counted(cli: Cli) -> None:
    """A line that is not UTF-8 is read as Western Windows writes, and that is said, or refused."""
    record = call(1, request={"model": "m", "messages": [{"role": "user", "content": "Grüße, 5 €"}]})
    text = json.dumps(record, ensure_ascii=False).encode("cp1252")

    done = cli.run("completions", "import", "-", stdin=text + b'\n{"id":"x","kind":"\x81"}\n')

    assert done.returncode == 1
    assert b"line 2: The line is not UTF-8." in done.stderr
    assert b"1 line not in UTF-8, read as Windows-1252." in done.stderr
    assert cli.rows("completions", "list", "--json")[0]["preview"]["request"] == "Grüße, 5 €"


@pytest.mark.parametrize("notes", [b"my notes", "my notes\n\n".encode("utf-16")], ids=["torn", "utf-16"])
def test_what_is_no_export_is_not_cut(cli: Cli, tmp_path: Path, notes: bytes) -> None:
    """Going on with a file that is something else takes nothing off its end."""
    file = tmp_path / "notes.txt"
    file.write_bytes(notes)

    cli.run("completions", "export", "-o", str(file), "--resume", "--url", "http://127.0.0.1:9")

    assert file.read_bytes() == notes
