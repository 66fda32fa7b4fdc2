"""The levels of the text index: they do not become more, and merges of everything come to their end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.sqlite import cleansing, records
from log10_trace.server.store.sqlite.connection import SQL, connect
from log10_trace.server.store.sqlite.index_levels import (
    MAX_LEVELS,
    Level,
    parse_structure,
    read_structure,
    squeeze,
)
from log10_trace.server.store.sqlite.schema import open_database
from log10_trace.server.store.sqlite.text_index import index_some
from log10_trace.server.store.sqlite.transaction import Transaction
from tests.processes import until
from tests.server.store.factories import ORG, asked, completion, ids, put

_UNREADABLE = 2_001
"""Levels with which SQLite calls an index malformed."""


def test_deletions_do_not_add_levels_to_the_index(tmp_path: Path) -> None:
    """After many deletions, each cleaned up behind, the index has as few levels as any; it is whole."""
    path = tmp_path / "a.db"
    store = open_store(path)
    for number in range(MAX_LEVELS):
        put(store, completion(id=str(number), request=asked(f"word{number}")))
        assert store.maintenance.wait_until_searchable()
        if number:
            store.completions.delete_one(ORG, str(number)).result()
            until(
                lambda: not _count(path, "SELECT count(*) FROM chores"), "the deletion is cleaned up behind"
            )
    store.close()

    open_store(path).close()  # whatever a thread had no time for

    assert _count_levels(path) <= MAX_LEVELS
    connection = open_database(path)
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    connection.close()


def test_an_index_of_too_many_levels_is_read_again(tmp_path: Path) -> None:
    """A database whose index SQLite refuses, as earlier versions left it, is searched and written again."""
    path = tmp_path / "a.db"
    store = open_store(path)
    put(store, completion(id="a", request=asked("needle")))
    assert store.maintenance.wait_until_searchable()
    store.close()
    _put_levels_before(path, _UNREADABLE)
    with pytest.raises(sqlite3.DatabaseError):
        _count(path, "SELECT count(*) FROM search WHERE search MATCH 'needle'")

    store = open_store(path)
    put(store, completion(id="b", request=asked("needle")))

    assert sorted(ids(store, CompletionFilter(text="needle"))) == ["a", "b"]
    store.close()


def test_a_merge_goes_on_after_levels_are_taken_out(tmp_path: Path) -> None:
    """Levels are taken out in the middle of a merge, under a connection that has used the index."""
    path = tmp_path / "a.db"
    connection = open_database(path)
    _index_words(connection, segments=12)
    connection.execute(SQL["merge_index"], (-3,))
    assert read_structure(connection).is_merging
    _put_levels_before(path, 100)
    connection.execute("INSERT INTO search (rowid, request) VALUES (1000, 'late')")

    squeeze(path)
    connection.execute("INSERT INTO search (rowid, request) VALUES (1001, 'later')")
    assert _count_levels(path) <= MAX_LEVELS
    assert read_structure(connection).is_merging
    while read_structure(connection).is_merging:
        connection.execute(SQL["merge_index"], (-500,))

    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    found = "SELECT count(*) FROM search WHERE search MATCH 'common OR late OR later'"
    assert connection.execute(found).fetchone()[0] == 14
    connection.close()


def test_cleansing_ends_while_words_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion is cleaned up behind although words are indexed between all steps of it."""
    monkeypatch.setattr(cleansing, "_PAGES_A_STEP", 8)
    connection = open_database(tmp_path / "a.db")
    _index_words(connection, segments=12)
    transaction = Transaction(connection)
    [secret] = _put_all(transaction, ["secret"])
    _put_all(transaction, ["kept"])
    transaction.run([partial(records.delete, position=secret)])
    steps: list[Callable[[Transaction], Any]] = []

    def commit(step: Callable[[Transaction], Any]) -> Any:
        steps.append(step)
        assert len(steps) < 300, "it begins again and again"
        result = transaction.run([step])[0]
        _put_all(transaction, [f"more{len(steps)}"])
        return result

    cleansing.cleanse(commit)

    assert steps.count(cleansing._merge_some) > 5
    assert not connection.execute(SQL["chores"]).fetchall()
    blocks = connection.execute("SELECT block FROM search_data").fetchall()
    assert not any(b"ecret" in row["block"] for row in blocks)
    transaction.close()


def test_many_pages_are_freed_in_one_step(tmp_path: Path) -> None:
    """One commit gives many free pages back to the disk."""
    path = tmp_path / "a.db"
    connection = open_database(path)
    _index_words(connection, segments=6)
    connection.execute(SQL["merge_index"], (-5_000,))
    free, before = _count(path, "PRAGMA freelist_count"), _count(path, "PRAGMA page_count")
    assert 50 < free < 2_000
    transaction = Transaction(connection)

    assert transaction.run([cleansing._free_some]) == [False]

    assert _count(path, "PRAGMA freelist_count") == 0
    assert _count(path, "PRAGMA page_count") <= before - free
    transaction.close()


def test_a_deletion_during_the_work_is_cleaned_up_behind_as_well(tmp_path: Path) -> None:
    """The note of a deletion that came meanwhile stays; those of work that was interrupted go."""
    transaction = Transaction(open_database(tmp_path / "a.db"))
    first, second, _ = _put_all(transaction, ["first", "second", "third"])
    transaction.run([partial(records.delete, position=first)])
    assert transaction.run([cleansing.has_untaken_chore]) == [True]
    transaction.run([cleansing._take_chores])  # and then it was killed
    assert transaction.run([cleansing.has_untaken_chore, cleansing.has_chores]) == [False, True]
    committed = 0

    def commit(step: Callable[[Transaction], Any]) -> Any:
        nonlocal committed
        committed += 1
        if committed == 2:
            transaction.run([partial(records.delete, position=second)])
        return transaction.run([step])[0]

    cleansing.cleanse(commit)

    assert [row["name"] for row in transaction.execute("chores")] == ["cleanse"]
    cleansing.cleanse(commit)
    assert not transaction.execute("chores").fetchall()
    transaction.close()


def test_an_unknown_structure_is_left_alone() -> None:
    """A record of another format, or one that is not whole, is refused."""
    whole = b"\0\0\0\0" + b"\1\1\1" + b"\0\1\1\1\1"
    assert parse_structure(whole).write() == whole
    for other in (whole[:-1], whole + b"\0", b"\0\0\0\0\xff\0\0\1" + whole[4:], b"", whole[:5]):
        with pytest.raises(ValueError, match="structure record"):
            parse_structure(other)


def _index_words(connection: sqlite3.Connection, *, segments: int) -> None:
    """Fill the index with segments of some pages each."""
    for number in range(segments):
        words = " ".join(f"word{number}x{each}" for each in range(12_000))
        connection.execute("INSERT INTO search (rowid, request) VALUES (?, ?)", (number, f"common {words}"))


def _put_all(transaction: Transaction, words: list[str]) -> list[int]:
    """Store a record with each word and index it; their positions."""
    for word in words:
        draft = records.prepare(completion(id=word, request=asked(word)), now_ms=time.time_ns() // 1_000_000)
        transaction.run([partial(records.put, organization_id=ORG, new=draft)])
    while transaction.run([index_some])[0]:
        pass
    rows = transaction.execute_now("oldest", {"before": 1 << 62, "limit": 10_000})
    return [row["position"] for row in rows]


def _put_levels_before(path: Path, count: int) -> None:
    """Have empty levels in the index, as many merges of everything leave them."""
    connection = connect(path, can_write=True)
    old = read_structure(connection)
    new = old._replace(levels=[*[Level(0, 0, b"\0\0")] * count, *old.levels])
    connection.execute(SQL["put_index_structure"], (new.write(),))
    connection.close()


def _count_levels(path: Path) -> int:
    connection = connect(path, can_write=False)
    count = len(read_structure(connection).levels)
    connection.close()
    return count


def _count(path: Path, question: str) -> int:
    connection = connect(path, can_write=False)
    try:
        count: int = connection.execute(question).fetchone()[0]
        return count
    finally:
        connection.close()
