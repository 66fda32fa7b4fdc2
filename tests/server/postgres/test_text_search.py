"""Words: what is said in a record is found by its words; a text that cannot be indexed stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace.server.store import open_store
from log10_trace.server.store.common.search_query import parse_search_query
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.postgres import filter_sql
from log10_trace.server.store.postgres.arrays import write_array
from log10_trace.server.store.postgres.housekeeping import index_texts
from log10_trace.server.store.postgres.text_search import index_words, to_tsquery
from log10_trace.server.store.protocol import Store
from tests.server.postgres.conftest import Make

ORG = "acme"
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"], max_codepoint=0xFFFF)


@pytest.fixture(scope="module")
def database(postgres_server: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection, to ask PostgreSQL itself what it makes of a text."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        yield connection


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(categories=["L", "P", "S", "Z"]), max_size=8)))
def test_an_array_that_is_written_as_text_is_read_as_it_was(
    database: psycopg.Connection[Any], texts: list[str]
) -> None:
    """PostgreSQL reads every text of an array as it was, with quotes, commas and backslashes in it."""
    lengths = [len(text) for text in texts]

    values = [write_array(texts), write_array(lengths)]
    read = database.execute("SELECT %s::text[], %s::bigint[]", values).fetchone()

    assert read == (texts, lengths)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=8))
def test_every_word_of_a_text_is_found(database: psycopg.Connection[Any], said: list[str]) -> None:
    """Any word of a text finds it, and so does the whole text as a phrase."""
    text = " / ".join(said)

    for typed in (*said, f'"{text}"', f"{said[-1]}*"):
        question = "SELECT to_tsvector('simple', %s) @@ %s::tsquery"
        assert database.execute(
            question, [index_words(text, ""), to_tsquery(parse_search_query(typed))]
        ).fetchone() == (True,)


@pytest.mark.parametrize(
    ("said", "typed", "is_found"),
    [
        ("The CAFÉ opens", "cafe", True),
        ("the cafe opens", "CAFÉ", True),
        ("Straße", "strasse", True),
        ("lazy_dogs", "dogs", True),
        ("a@b.example/path", "path", True),
        ("version 3.14 of it", "14", True),
        ("red apple", '"apple red"', False),
        ("redder apple", "red", False),
        ("redder apple", "red*", True),
    ],
)
def test_words_are_those_of_every_store(
    database: psycopg.Connection[Any], said: str, typed: str, is_found: bool
) -> None:
    """Letters and digits make words; case, accents and signs between make no difference."""
    row = database.execute(
        "SELECT to_tsvector('simple', %s) @@ %s::tsquery",
        [index_words(said, ""), to_tsquery(parse_search_query(typed))],
    ).fetchone()

    assert row == (is_found,)


def test_a_text_that_cannot_be_indexed_stops_nothing(store: Store, make: Make, postgres_url: str) -> None:
    """A text that PostgreSQL refuses to index is passed over; the texts before and after it are found."""
    for completion_id in ("first", "second", "third"):
        store.completions.put(ORG, make(id=completion_id)).result()
    assert store.maintenance.wait_until_searchable()
    store.close()
    too_much = " ".join(f"word{number}" for number in range(200_000))
    waiting = (
        "INSERT INTO waiting_texts (organization_id, id, placed_ms, content)"
        " SELECT organization_id, id, placed_ms, %s FROM completions WHERE id = %s"
    )
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for completion_id, content in (("first", "giraffe"), ("second", too_much), ("third", "giraffe")):
            connection.execute(waiting, [content, completion_id])

        while index_texts(connection, limit=2):
            pass

        found = connection.execute("SELECT id FROM completion_words WHERE words @@ 'giraffe' ORDER BY id")
        assert found.fetchall() == [("first",), ("third",)]
        assert connection.execute("SELECT FROM waiting_texts").fetchall() == []


def test_a_deleted_record_is_not_indexed_afterwards(store: Store, make: Make) -> None:
    """A record that is deleted while its text waits never becomes findable."""
    stored = store.completions.put(ORG, make()).result().stored
    store.completions.delete_one(ORG, stored.id).result()

    assert store.maintenance.wait_until_searchable()
    assert store.completions.page(ORG, CompletionFilter(text="insect"), limit=9).items == ()


@pytest.mark.parametrize("few", [1, 3, 100])
def test_rare_and_common_words_are_searched_alike(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """However many texts hold the words, and whichever way is the quicker, the answer is the same."""
    monkeypatch.setattr(filter_sql, "_FEW", few)
    puts = [make(tags=["even" if number % 2 == 0 else "odd"]) for number in range(6)]
    records = [future.result().stored.id for future in store.completions.put_many(ORG, puts)]
    assert store.maintenance.wait_until_searchable()

    def ids(**wanted: Any) -> list[str]:
        return sorted(
            one.id for one in store.completions.stream(ORG, CompletionFilter(text="insect", **wanted))
        )

    assert ids() == sorted(records)
    assert ids(tags=("even",)) == sorted(records[::2])
    assert ids(tags=("even", "odd")) == sorted(records)
    assert ids(tags=("even",), tag_match="none") == sorted(records[1::2])
    assert ids(model="gpt-4o", status="finished") == sorted(records)
    assert ids(model="other") == []


REINDEXING = Path(
    str(resources.files("log10_trace.server.store.postgres") / "migrations" / "0012_scopes.sql")
)
"""What an upgrade of a database with an earlier text index runs."""


def test_older_records_are_indexed_anew(store: Store, postgres_url: str, make: Make) -> None:
    """After an upgrade records of an earlier version are found again, beside one that cannot be read."""
    said = {"model": "m", "messages": [{"role": "user", "content": "in 熊本城"}]}
    for name in ("old", "broken", "deleted"):
        store.completions.put(ORG, make(id=name, request=said)).result()
    assert store.maintenance.wait_until_searchable()
    store.close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE completions SET body = '' WHERE id = 'broken'")
        connection.execute("DROP INDEX waiting_records_by_moment")
        connection.execute(REINDEXING.read_bytes())
    upgraded = open_store(postgres_url)
    upgraded.completions.delete_one(ORG, "deleted").result()

    assert upgraded.maintenance.wait_until_searchable()

    for typed in ("本城", "in:request 熊", "insect"):
        found = upgraded.completions.page(ORG, CompletionFilter(text=typed), limit=9)
        assert [item.id for item in found.items] == ["old"]
    upgraded.close()
