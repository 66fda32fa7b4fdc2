"""A Parquet file of calls, as DuckDB and pandas read it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from log10_trace.errors import SetupError
from log10_trace.table_files.rows import CallRow, read_call
from tests.table_files.record_texts import PRICES, exported, record

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")

from pyarrow import parquet  # noqa: E402 -- skipped without it

from log10_trace.table_files import parquet_file  # noqa: E402 -- as above
from log10_trace.table_files.parquet_file import write_parquet_file  # noqa: E402 -- as above

HOSTILE = "NUL \0, half a character \ud83d, 中文 🙂 '); DROP TABLE calls; --"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "calls.parquet"


def write(file: Path, *records: str, **options: Any) -> None:
    """Write an export."""
    with write_parquet_file(file, **options) as export:
        for text in records:
            assert export.add(read_call(text, PRICES))


def ask(question: str) -> list[tuple[Any, ...]]:
    """The rows of a query of DuckDB; moments are asked for in UTC."""
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        return list(database.execute(question).fetchall())


def test_a_row_has_the_call_and_its_messages(file: Path) -> None:
    """The columns of the call, a list of tags and a list of messages with their tool calls."""
    asks = [{"id": "t", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}]
    response = {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": asks}}]}
    write(
        file,
        record(1, tags=["a", "b"]),
        record(2, response=response),
        record(3, status="started", response=None),
    )

    assert parquet.read_schema(file).names == [*CallRow.__dataclass_fields__, "messages"]
    assert ask(f"SELECT created_at, tags, input_tokens, round(cost, 6) FROM '{file}' LIMIT 1") == [
        (datetime(2026, 1, 1, 0, 0, 1, 250_000, tzinfo=timezone.utc), ["a", "b"], 1_000, 0.0035)
    ]
    said = f"SELECT id[-1:], unnest(messages) AS m FROM '{file}'"
    assert ask(f"SELECT id, m.role, m.content, m.tool_calls[1].name FROM ({said}) AS s (id, m)") == [
        ("1", "user", "question 1", None),
        ("1", "assistant", "answer 1", None),
        ("2", "user", "question 2", None),
        ("2", "assistant", None, "find"),
        ("3", "user", "question 3", None),
    ]


def test_pandas_reads_it(file: Path) -> None:
    """With types of its own: times are times, counts are numbers, messages are a list of dictionaries."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    write(file, record(1), record(2))

    calls = pandas.read_parquet(file)

    assert calls.created_at.dt.second.tolist() == [1, 2]
    assert calls.groupby("model").output_tokens.sum().to_dict() == {"gpt-4o": 200}
    assert [message["content"] for message in calls.messages[1]] == ["question 2", "answer 2"]


def test_hostile_text_comes_through(file: Path) -> None:
    """Texts of columns have bytes in UTF-8; the record beside them is the exact one."""
    odd = record(
        request={"model": HOSTILE, "messages": [{"role": "user", "content": HOSTILE}]}, tags=[HOSTILE]
    )
    write(file, odd, bodies=True)

    shown = HOSTILE.replace("\0", " ").replace("\ud83d", "?")
    assert ask(f"SELECT model, tags, messages[1].content, record FROM '{file}'") == [
        (shown, [shown], shown, odd)
    ]


def test_memory_is_bounded_by_row_groups(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are written as soon as there are enough of them, or of their bytes; their order stays."""
    monkeypatch.setattr(parquet_file, "_CALLS_AT_ONCE", 3)
    monkeypatch.setattr(parquet_file, "_BYTES_AT_ONCE", 1_000_000)
    large = {"messages": [{"role": "user", "content": "x" * 1_000_000}]}
    write(file, *(record(number, request=large if number == 4 else {}) for number in range(7)))

    groups = parquet.ParquetFile(file)
    assert [groups.metadata.row_group(n).num_rows for n in range(groups.num_row_groups)] == [3, 2, 2]
    assert [int(name[-1]) for name in groups.read(["id"])["id"].to_pylist()] == [*range(7)]


def test_an_export_of_nothing_is_a_file(file: Path) -> None:
    """With all columns and no rows."""
    write(file)

    assert ask(f"SELECT count(*), sum(cost) FROM '{file}'") == [(0, None)]


def test_a_file_is_there_only_when_it_is_whole(file: Path) -> None:
    """An export that breaks off leaves nothing; one that exists is written over only when asked."""

    def break_off() -> None:
        with write_parquet_file(file) as export:
            export.add(exported(1))
            raise InterruptedError

    with pytest.raises(SetupError, match="cannot be written"):
        break_off()
    assert list(file.parent.iterdir()) == []
    write(file, record(1))
    with pytest.raises(SetupError, match=r"already exists\. Use --force"):
        write(file)
    write(file, record(1), record(2), overwrite=True)
    assert ask(f"SELECT count(*) FROM '{file}'") == [(2,)]
