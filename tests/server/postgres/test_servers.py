"""Several server processes on one database: none acknowledged is lost, one of them keeps house for all."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from log10_trace.domain.completion_record import parse
from log10_trace.domain.ids import new_id
from log10_trace.local_server import LocalServer
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, StatisticsQuery
from log10_trace.server.store.protocol import Store
from tests.processes import DEADLINE_S, server, until
from tests.server.test_events import events

PUT = "/api/v1/completions"
SENDERS = 6
EACH = 60


@pytest.fixture
def servers(tmp_path: Path, postgres_url: str) -> Iterator[list[LocalServer]]:
    """Three server processes on one database; the first leads, because it was there first."""
    with ExitStack() as running:
        yield [
            running.enter_context(server(tmp_path / f"home{number}", "--database", postgres_url))
            for number in range(3)
        ]


def record(text: str, **fields: Any) -> dict[str, Any]:
    """A completion of its own id."""
    messages = [{"role": "user", "content": text}]
    return {"id": new_id(), "kind": "chat", "status": "finished", "request": {"messages": messages}, **fields}


def client_of(one: LocalServer) -> httpx.Client:
    """A client with the key that the server announced."""
    return httpx.Client(base_url=one.url, headers={"X-Log10-Token": one.token}, timeout=120)


def send(clients: list[httpx.Client], number: int) -> str:
    """Send a record until some server takes it, as a tracer would; which one is chance."""
    body = record(f"call {number}", source=f"sender-{number % SENDERS}", sequence=number // SENDERS + 1)
    for place in itertools.count(number):
        try:
            answer = clients[place % len(clients)].post(PUT, json=body)
        except httpx.TransportError:
            continue
        if answer.is_success:
            return str(body["id"])
    raise AssertionError


@pytest.mark.promises
def test_a_server_that_is_killed_loses_nothing_it_acknowledged(
    servers: list[LocalServer], postgres_url: str
) -> None:
    """Of three servers under load one is killed: each acknowledged record is there and counted once."""
    halfway = threading.Semaphore(0)

    def one(number: int) -> str:
        completion_id = send(clients, number)
        halfway.release()
        return completion_id

    with ExitStack() as stack, ThreadPoolExecutor(SENDERS) as senders:
        clients = [stack.enter_context(client_of(one)) for one in servers]
        sent = [senders.submit(one, number) for number in range(SENDERS * EACH)]
        for _ in range(SENDERS * EACH // 3):
            halfway.acquire()
        os.kill(servers[0].pid, signal.SIGKILL)
        ids = {future.result() for future in sent}

    store = open_store(postgres_url)
    organization_id = only_organization(postgres_url)
    assert {one.id for one in store.completions.stream(organization_id, CompletionFilter())} == ids
    assert store.reports.statistics(organization_id, StatisticsQuery()).groups[0].calls == len(ids)
    assert [(one.count, one.missing) for one in store.reports.sources(organization_id)] == [
        (EACH, ())
    ] * SENDERS
    store.close()


def only_organization(postgres_url: str) -> str:
    """The organization that everything was put in."""
    with psycopg.connect(postgres_url) as connection:
        ((organization_id,),) = connection.execute("SELECT DISTINCT organization_id FROM completions")
    return str(organization_id)


@pytest.mark.promises
def test_another_server_keeps_house_when_the_leader_dies(servers: list[LocalServer]) -> None:
    """When the one that indexes texts is killed, new texts are found, and a page of a third hears of them."""
    os.kill(servers[0].pid, signal.SIGKILL)
    with client_of(servers[1]) as client, client_of(servers[2]) as reader, events(reader) as stream:
        assert stream.changed() is None
        body = record("an unmistakable hippopotamus")
        assert client.post(PUT, json=body).is_success
        assert [each["id"] for each in stream.changed() or ()] == [body["id"]]

        def found() -> list[Any]:
            answer = client.get(PUT, params={"q": "hippopotamus"}).json()
            return list(answer["completions"])

        assert [one["id"] for one in until(found, "the record is found by its words")] == [body["id"]]


def test_two_servers_that_merge_one_record_lose_nothing(postgres_url: str) -> None:
    """Servers that write to the same records at the same time wait for each other; every tag is kept."""
    stores = [open_store(postgres_url) for _ in range(3)]
    ids = [new_id() for _ in range(20)]

    with ThreadPoolExecutor(3) as threads:
        rounds = [threads.submit(tag_all, store, ids, number) for number, store in enumerate(stores)]
        for one in rounds:
            one.result()

    expected = {f"{number}-{turn}" for number in range(3) for turn in range(10)}
    for one in stores[0].completions.stream("acme", CompletionFilter()):
        assert set(json.loads(one.fields["tags"])) == expected
    totals = stores[0].reports.statistics("acme", StatisticsQuery(group_by="tag")).groups
    assert {(one.key, one.calls) for one in totals} == {(tag, 20) for tag in expected}
    for store in stores:
        store.close()


def tag_all(store: Store, ids: list[str], number: int) -> None:
    """Add ten tags of its own to each record, in an order of its own."""
    for turn in range(10):
        order = ids if (number + turn) % 2 else ids[::-1]
        puts = [parse(json.dumps({"id": one, "tags": [f"{number}-{turn}"]})) for one in order]
        for future in store.completions.put_many("acme", puts):
            future.result(60)


def test_signing_out_on_one_server_ends_the_session_on_all(servers: list[LocalServer]) -> None:
    """A cookie is valid on every server of the database until its session signs out on any of them."""
    html = {"Accept": "text/html"}
    with httpx.Client(base_url=servers[0].url, headers=html, timeout=DEADLINE_S) as browser:
        browser.post("/login", data={"token": servers[0].token})
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        copied = {**html, "Cookie": cookie}
        before = [httpx.get(f"{one.url}/", headers=copied, timeout=DEADLINE_S).status_code for one in servers]

        browser.post("/logout")

    assert before == [200] * 3
    assert [httpx.get(f"{one.url}/", headers=copied, timeout=DEADLINE_S).status_code for one in servers] == [
        303
    ] * 3
