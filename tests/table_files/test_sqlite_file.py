"""A SQLite file of calls: every call whole or not at all, keys that lead somewhere, views that answer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from log10_trace.errors import SetupError
from log10_trace.table_files import sqlite_file
from log10_trace.table_files.rows import CallRow, read_call
from log10_trace.table_files.sqlite_file import write_sqlite_file
from tests.table_files.record_texts import PRICES, exported, record

HOSTILE = {
    "NUL": "before\0after",
    "half a character": "\ud83d alone",
    "SQL": "'); DROP TABLE calls; --",
    "markup": "<script>alert(1)</script>",
    "all planes": "é ünï 中文 العربية 🙂",
    "terminal": "\x1b[31mred\x1b[0m \u202e",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The file, read as another program would; every key leads to a row."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        yield database


def write(file: Path, *records: str, **options: Any) -> list[bool]:
    """Write an export; whether each record was added."""
    with write_sqlite_file(file, **options) as export:
        return [export.add(read_call(text, PRICES)) for text in records]


def ask(file: Path, question: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with opened(file) as database:
        return [tuple(row) for row in database.execute(question)]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_comes_through(file: Path, text: str) -> None:
    """Everywhere a text can stand; the exact record stands beside it."""
    message = {"role": "user", "content": text, "name": text}
    whole = record(
        request={"model": text, "messages": [message]},
        tags=[text], metadata={"user": text}, session_id=text, failure_kind=text, failure_reason=text,
        stacktrace=[{"file": text, "line": text, "lineno": 1, "name": text}],
    )  # fmt: skip
    write(file, whole, bodies=True)

    ((kept, content, told),) = ask(
        file,
        "SELECT record, content, json FROM records JOIN messages USING (call_id) WHERE part = 'request'",
    )
    assert kept == whole
    assert (json.loads(told)["content"] if told else content) == text
    assert len(ask(file, "SELECT * FROM tags JOIN calls ON calls.id = call_id")) == 1


def test_the_words_of_messages_are_found(file: Path) -> None:
    """The index finds questions and answers, whatever their accents, and leads to the call."""
    write(file, record(1), record(2, request={"messages": [{"role": "user", "content": "Où est le café?"}]}))

    found = "SELECT call_id FROM messages_fts JOIN messages ON messages.id = messages_fts.rowid"
    assert [row[0][-1] for row in ask(file, f"{found} WHERE messages_fts MATCH 'cafe'")] == ["2"]
    assert [row[0][-1] for row in ask(file, f"{found} WHERE messages_fts MATCH 'answer'")] == ["1", "2"]


def test_the_columns_are_those_of_the_row(file: Path) -> None:
    """``calls`` has a column for each field of ``CallRow``, in its order, and times sort as text."""
    write(file, record(1), record(2))

    names = [row[1] for row in ask(file, "PRAGMA table_info(calls)")]
    assert names == [*CallRow.__dataclass_fields__]
    assert ask(file, "SELECT created_at FROM calls ORDER BY created_at") == [
        ("2026-01-01T00:00:01.250Z",),
        ("2026-01-01T00:00:02.250Z",),
    ]


def test_each_view_answers_its_question(file: Path) -> None:
    """Costs by day, model, call site, tag, session; failures, slow calls, repeated prompts, tool use."""
    site = [{"file": "app.py", "line": "ask()", "lineno": 7, "name": "ask"}]
    asks = [{"id": "t", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    uses = {"choices": [{"message": {"role": "assistant", "tool_calls": asks}}]}
    same = {"model": "gpt-4o", "messages": [{"role": "user", "content": "the same"}]}
    failed = {"status": "failed", "failure_kind": "RateLimitError", "failure_reason": "slow down"}
    write(
        file,
        record(1, tags=["a", "b"], session_id="s", stacktrace=site, request=same, duration=2),
        record(2, tags=["a"], session_id="s", stacktrace=site, request=same, duration=1),
        record(3, response=None, **failed),
        record(4, request={"model": "unheard of"}, response={"usage": {"prompt_tokens": 1}}),
        record(5, response=uses),
    )

    cost = 0.0035
    assert ask(file, "SELECT day, calls, failed, round(cost, 6), calls_without_price FROM cost_by_day") == [
        ("2026-01-01", 5, 1, 2 * cost, 1)
    ]
    assert ask(file, "SELECT model, calls, round(cost, 6) FROM cost_by_model") == [
        ("gpt-4o", 4, 2 * cost),
        ("unheard of", 1, None),
    ]
    assert ask(file, "SELECT file, function, calls FROM cost_by_call_site LIMIT 1") == [("app.py", "ask", 2)]
    assert ask(file, "SELECT tag, calls, round(cost, 6) FROM cost_by_tag") == [
        ("a", 2, 2 * cost),
        ("b", 1, cost),
    ]
    assert ask(
        file, "SELECT session_id, calls, first_call_at < last_call_at FROM cost_by_session LIMIT 1"
    ) == [("s", 2, 1)]
    assert ask(file, "SELECT * FROM sessions") == [("s", "the same", "2026-01-01T00:00:01.250Z")]
    assert ask(file, "SELECT failure_kind, calls, last_reason FROM failures") == [
        ("RateLimitError", 1, "slow down")
    ]
    assert ask(file, "SELECT duration FROM slowest_calls") == [(2.0,), (1.0,)]
    assert ask(file, "SELECT calls, question FROM repeated_prompts") == [(2, "the same")]
    assert ask(file, "SELECT * FROM tool_use") == [("find", 1, 1)]
    assert ask(file, "SELECT role, content FROM conversations LIMIT 2") == [
        ("user", "the same"),
        ("assistant", "answer 1"),
    ]


def test_a_body_of_20_mb_is_written_whole(file: Path) -> None:
    """A message of any length, and the record that holds it."""
    content = "words " * (20_000_000 // 6)
    write(file, record(request={"messages": [{"role": "user", "content": content}]}), bodies=True)

    assert ask(file, "SELECT content FROM messages WHERE part = 'request'") == [(content,)]
    assert ask(file, "SELECT length(record) > 20000000 FROM records") == [(1,)]


def test_an_export_of_nothing_is_a_file(file: Path) -> None:
    """The tables and the views are there, without rows."""
    write(file)

    assert ask(file, "SELECT count(*) FROM calls") == [(0,)]
    assert ask(file, "SELECT * FROM cost_by_model") == []
    assert ask(file, "SELECT * FROM messages_fts WHERE messages_fts MATCH 'x'") == []


def test_a_call_is_written_once(file: Path) -> None:
    """A call that comes again is told; one that had not ended is replaced by its end, with all its rows."""
    running = record(1, status="started", response=None, tags=["old"])
    ended = record(1, tags=["new"], metadata={"k": "v"})

    assert write(file, running, running, ended, ended, running, bodies=True) == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert ask(file, "SELECT status, tag FROM calls JOIN tags ON call_id = id") == [("finished", "new")]
    assert [row[0] for row in ask(file, "SELECT content FROM messages ORDER BY position")] == [
        "question 1",
        "answer 1",
    ]
    assert ask(file, "SELECT record FROM records") == [(ended,)]


def test_a_file_is_there_only_when_it_is_whole(file: Path) -> None:
    """An export that breaks off leaves nothing under the name; with ``resume`` it goes on."""

    def break_off() -> None:
        with write_sqlite_file(file) as export:
            export.add(exported(1))
            assert not file.exists()
            raise InterruptedError

    with pytest.raises(SetupError):
        break_off()
    assert not file.exists()
    with pytest.raises(SetupError, match=r"calls\.db\.part is left of an interrupted export"):
        write(file)

    assert write(file, record(1), record(2), resume=True) == [False, True]
    assert ask(file, "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH 'answer'") == [(2,)]
    assert [path.name for path in file.parent.iterdir()] == ["calls.db"]


def test_a_whole_file_gets_what_it_lacks(file: Path) -> None:
    """``resume`` adds new calls to a file, also the bodies that were not asked for before."""
    write(file, record(1))

    assert write(file, record(1), record(2), resume=True, bodies=True) == [False, True]
    assert ask(file, "SELECT count(*) FROM calls") == [(2,)]
    assert ask(file, "SELECT count(*) FROM records") == [(1,)]
    assert ask(file, "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH 'question'") == [(2,)]


def test_a_file_is_not_written_over(file: Path) -> None:
    """Only ``overwrite`` does it, and takes what is left of an interrupted export with it."""
    file.write_text("the only copy")
    file.with_name("calls.db.part").write_text("half of one")

    with pytest.raises(SetupError, match=r"calls\.db already exists\. Use --force"):
        write(file)
    assert file.read_text() == "the only copy"
    assert write(file, record(1), overwrite=True) == [True]
    assert ask(file, "SELECT count(*) FROM calls") == [(1,)]


@pytest.mark.parametrize("content", [b"my notes\n", b""], ids=["text", "nothing"])
def test_something_else_is_not_gone_on_with(file: Path, content: bytes) -> None:
    """A file that is no export stays as it is; so does a database of another program."""
    file.write_bytes(content)
    other = file.with_name("other.db")
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE calls (id)")

    for path in (file, other):
        before = path.read_bytes()
        with pytest.raises(SetupError, match="is not an export that this version wrote"):
            write(path, record(1), resume=True)
        assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The error names the file that cannot be written."""
    with pytest.raises(SetupError, match=r"calls\.db\.part cannot be written: unable to open"):
        write(tmp_path / "nowhere" / "calls.db")


def test_half_a_call_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the middle of a call's rows takes its first rows back; whole calls before it are kept."""
    monkeypatch.setattr(sqlite_file, "_CALLS_AT_ONCE", 1)
    broken = exported(2, tags=["t"])
    object.__setattr__(broken, "metadata", (("key", object()),))

    def fail() -> None:
        with write_sqlite_file(file) as export:
            export.add(exported(1))
            export.add(broken)

    with pytest.raises(SetupError, match="cannot be written"):
        fail()

    assert ask(file.with_name("calls.db.part"), "SELECT id FROM calls") == [(exported(1).call.id,)]


def test_calls_are_committed_as_they_come(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held in memory is bounded by calls and by bytes: more is on the disk already."""
    monkeypatch.setattr(sqlite_file, "_CALLS_AT_ONCE", 3)
    monkeypatch.setattr(sqlite_file, "_BYTES_AT_ONCE", 10_000)
    part, seen = file.with_name("calls.db.part"), []
    with write_sqlite_file(file) as export:
        for number in range(5):
            large = {"messages": [{"role": "user", "content": "x" * 10_000}]} if number == 4 else {}
            export.add(exported(number, request=large))
            seen += [count for (count,) in ask(part, "SELECT count(*) FROM calls")]

    assert seen == [0, 0, 3, 3, 5]
