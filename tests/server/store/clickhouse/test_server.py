"""A ClickHouse server over HTTP: the driver's network path, what it refuses, and what is told of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from log10_trace.errors import SetupError
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, WriteEffect
from log10_trace.server.store.errors import StoreBusyError, StoreError, StoreFullError
from log10_trace.server.store.protocol import Store
from tests.server.clickhouse_engine import DATABASE
from tests.server.store.factories import ORG, completion, ids, page, put, put_all
from tests.server.store.test_feedback import left, task


@pytest.fixture
def endpoint(emptied_clickhouse_url: str, clickhouse_folder: Path) -> Iterator[Any]:
    """An endpoint over the engine, with an empty database."""
    from tests.server.store.clickhouse.http_endpoint import serving

    assert emptied_clickhouse_url.startswith("chdb")
    with serving(str(clickhouse_folder), DATABASE) as served:
        yield served


@pytest.fixture
def store(endpoint: Any) -> Iterator[Store]:
    """A store that speaks HTTP."""
    with closing(open_store(endpoint.url)) as opened:
        yield opened


def test_records_pass_the_network(store: Store, endpoint: Any) -> None:
    """Written, found by words of any script, tags and quotes, summed, changed and deleted, over HTTP."""
    odd = 'it\'s a \\ ["tag"] €'
    put_all(store, [completion(id="a", tags=["x"]), completion(id="b", metadata={"k": odd})])

    assert ids(store, CompletionFilter(metadata=(f"k={odd}",))) == ["b"]
    assert ids(store, CompletionFilter(text="fine")) == ["b", "a"]
    assert store.completions.count(ORG, CompletionFilter(tags=("x",))).calls == 1
    assert store.completions.delete_one(ORG, "a").result()
    assert ids(store) == ["b"]
    assert store.maintenance.describe().kind == "clickhouse"
    assert not any("secret" in path or odd in path for path in endpoint.paths)


def test_a_filter_may_name_more_than_a_server_takes_in_one_value(store: Store) -> None:
    """Tags of 160 KB in all: records that have all of them, one, and none; and a task that selects them."""
    tags = tuple(f"{number:03}{'x' * 400}" for number in range(400))
    put_all(store, [completion(id="a", tags=tags), completion(id="b", tags=tags[-1:]), completion(id="c")])

    assert ids(store, CompletionFilter(tags=tags, tag_match="all")) == ["a"]
    assert ids(store, CompletionFilter(tags=tags, tag_match="any")) == ["b", "a"]
    assert ids(store, CompletionFilter(tags=tags, tag_match="none")) == ["c"]
    store.feedback.add_task(ORG, task(completion_tags_selector=tags)).result()
    assert left(store) == ["b", "a"]


def test_no_data_frame_is_looked_for(store: Store) -> None:
    """The driver imports neither pandas nor numpy for rows of ours, which costs 60 MB."""
    from clickhouse_connect.driver import options

    put(store, completion(id="a"))

    assert (vars(options)["pd"], vars(options)["np"]) == (None, None)


def test_a_lost_connection_costs_no_record(store: Store, endpoint: Any) -> None:
    """A write whose insert got no answer is made again, and is one record."""
    put(store, completion(id="a"))
    endpoint.broken |= {"INSERT INTO `deliveries`", "INSERT INTO deliveries"}
    outcome = put(store, completion(id="b"))

    assert outcome.change in (WriteEffect.CREATED, WriteEffect.UNCHANGED)
    assert ids(store) == ["b", "a"]


def test_a_server_that_does_not_answer_is_not_waited_for(
    store: Store, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts and says nothing: reads and writes end as busy, and succeed when it answers again."""
    from log10_trace.server.store.clickhouse import connections

    endpoint.answers.clear()
    with monkeypatch.context() as patched:
        patched.setattr(connections, "_READ_ANSWER_S", 1)
        patched.setattr(connections, "_WRITE_ANSWER_S", 1)
        with pytest.raises(StoreBusyError, match="does not answer"):
            page(store)
        with pytest.raises(StoreBusyError, match="does not answer"):
            put(store, completion(id="a"))
    endpoint.answers.set()

    assert put(store, completion(id="a")).change is WriteEffect.CREATED
    assert ids(store) == ["a"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [(241, StoreBusyError), (243, StoreFullError), (252, StoreBusyError), (62, StoreError)],
)
def test_what_the_engine_refuses_fails_that_question_alone(
    store: Store, endpoint: Any, code: int, expected: type[Exception]
) -> None:
    """No memory and too many parts are told as busy, a full disk as full; the next question is answered."""
    put(store, completion(id="a"))
    error = f"Code: {code}. DB::Exception: refused. (SOME_NAME)"
    endpoint.failing["SELECT place"] = endpoint.failing["INSERT"] = error

    with pytest.raises(expected) as read:
        page(store)
    with pytest.raises(expected):
        put(store, completion(id="b"))
    endpoint.failing.clear()

    assert type(read.value) is expected
    assert ids(store) == ["a"]
    assert put(store, completion(id="b")).change is WriteEffect.CREATED


def test_a_database_that_cannot_be_opened_is_explained(endpoint: Any) -> None:
    """Wrong password, no such database, another program's tables, nothing there: a sentence each."""
    place = endpoint.url.partition("@")[2].partition("/")[0]
    nothing = socket.create_server(("127.0.0.1", 0))
    free = nothing.getsockname()[1]
    nothing.close()
    cases = {
        endpoint.url.replace("secret", "wrong"): f"The ClickHouse server at {place} refuses the user or the",
        endpoint.url.replace(DATABASE, "nowhere"): "has no database nowhere",
        endpoint.url.replace(DATABASE, "system"): "holds tables of another program",
        f"clickhouse://default:secret@127.0.0.1:{free}/x": f"answers at 127.0.0.1:{free}",
    }

    for url, said in cases.items():
        with pytest.raises(SetupError) as caught:
            open_store(url)
        assert said in str(caught.value)
        assert "secret" not in str(caught.value)


def test_an_older_server_is_refused(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which version is needed."""
    from log10_trace.server.store.clickhouse import connections

    monkeypatch.setattr(connections, "_OLDEST", (99, 1))

    with pytest.raises(SetupError, match=r"is too old: log10-trace needs 99\.1 or later"):
        open_store(endpoint.url)
