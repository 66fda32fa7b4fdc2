"""The API on each store: reads delay reads only, and a store that cannot answer is a 503 on every route."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace.domain.keys import Scope
from log10_trace.server.http.query_params import MAX_REPEATS
from log10_trace.server.http.read_threads import READ_THREADS, THREADS_OF_KEY
from log10_trace.server.operations import OPERATIONS, SIGN_IN, Operation
from log10_trace.server.pages.routes import PAGES
from log10_trace.server.store.postgres.store import PostgresStore
from log10_trace.server.store.sqlite import readers
from tests.server.clickhouse_engine import shorten_waits
from tests.server.conftest import Server, Tenant, running
from tests.server.store.test_reading import holding

WAIT_S = 120
RECORD = {
    "kind": "chat",
    "status": "finished",
    "request": {"model": "m", "messages": [{"role": "user", "content": "What is a bee?"}]},
}
LISTS = ("/", "/sessions", "/api/v1/completions", "/api/v1/completions?format=jsonl", "/api/v1/sessions")
STATIC = {"/api/v1/key", "/api/v1/limits", "/openapi.json", "/static/{version}/{name}"}
"""Routes that ask the store nothing but for the key, or nothing at all."""


@pytest.fixture
def server(store_url: str) -> Iterator[Server]:
    """A server on an empty database of each kind."""
    with running(store_url if "://" in store_url else Path(store_url).parent) as started:
        yield started


@pytest.fixture
def tenant(server: Server) -> Iterator[Tenant]:
    """An organization on it."""
    tenant = Tenant(server)
    with tenant.stack:
        yield tenant


class SlowReads:
    """Reads that begin and do not end before they are let go."""

    def __init__(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        for owner, name in (
            (store.completions, "page"),
            (store.completions, "stream"),
            (store.sessions, "page"),
        ):
            monkeypatch.setattr(owner, name, self._slow(getattr(owner, name)))

    def _slow(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*args: Any, **kwargs: Any) -> Any:
            self.begun.release()
            assert self.go_on.wait(WAIT_S)
            return read(*args, **kwargs)

        return slow

    def wait_for(self, count: int) -> None:
        """Wait until so many have begun."""
        for _ in range(count):
            assert self.begun.acquire(timeout=WAIT_S)


def test_writers_and_health_are_answered_while_no_read_ends(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While every thread for reading is busy and more reads wait, all other requests are answered."""
    slow = SlowReads(tenant.server.store, monkeypatch)
    clients = [tenant.client(Scope.READ) for _ in range(READ_THREADS)]
    writer = tenant.client(Scope.ADMIN)
    with ThreadPoolExecutor(READ_THREADS * len(LISTS)) as pool:
        reads = [pool.submit(client.get, path) for client in clients for path in LISTS]
        slow.wait_for(READ_THREADS)

        # The keys of all of these are looked up now; a thread of the readers' would not be had.
        answers = [
            writer.post("/api/v1/completions", json=RECORD),
            writer.post("/api/v1/completions/batch", json={"completions": [RECORD] * 20}),
            writer.post("/api/v1/feedback_task", json={"id": "t", "name": "t", "json_schema": {}}),
            writer.post(
                "/api/v1/feedback",
                json={
                    "task_id": "t",
                    "json_values": {},
                    "completion_tags_selector": ["none"],
                    "allow_unmatched_feedback": True,
                },
            ),
            writer.get("/healthz"),
            writer.get("/metrics"),
            writer.get("/login"),
        ]
        has_ended = [read.done() for read in reads]
        slow.go_on.set()

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200, 200]
    assert not any(has_ended)
    assert {read.result().status_code for read in reads} == {200}


def test_one_key_leaves_threads_for_reading_to_the_others(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many reads of one key wait, another key's read begins at once."""
    slow = SlowReads(tenant.server.store, monkeypatch)
    greedy, other = tenant.client(Scope.READ), tenant.client(Scope.READ)
    with ThreadPoolExecutor(20) as pool:
        reads = [pool.submit(greedy.get, "/api/v1/completions") for _ in range(19)]
        slow.wait_for(THREADS_OF_KEY)

        reads.append(pool.submit(other.get, "/api/v1/sessions"))
        slow.wait_for(1)
        slow.go_on.set()

    assert {read.result().status_code for read in reads} == {200}


@pytest.mark.parametrize("path", ["/", "/api/v1/completions", "/api/v1/completions?format=csv"])
def test_more_tags_than_the_bound_are_refused(tenant: Tenant, path: str) -> None:
    """As many tags as the bound allows are answered; one more is refused, naming the parameter."""
    client = tenant.client(Scope.READ)
    tags = [("tag", f"tag-{number}") for number in range(MAX_REPEATS + 1)]

    few = client.get(path, params=httpx.URL(path).params.merge(tags[:-1]))
    many = client.get(path, params=httpx.URL(path).params.merge(tags))

    assert (few.status_code, many.status_code) == (200, 422)
    assert "tag" in many.text
    assert str(MAX_REPEATS) in many.text


@pytest.mark.parametrize("path", ["/", "/sessions"])
def test_a_page_that_refuses_many_filters_does_not_repeat_them_all(tenant: Tenant, path: str) -> None:
    """The work of showing the refused filters does not grow with the square of their number."""
    client = tenant.client(Scope.READ)
    few, many = (
        client.get(path, params=[("tag", f"{number}") for number in range(count)]) for count in (200, 4000)
    )

    assert (few.status_code, many.status_code) == (422, 422)
    assert len(many.content) < 2 * len(few.content)


def ask(client: httpx.Client, operation: Operation) -> httpx.Response:
    """Send the operation's request, with something in the place of ids."""
    body: dict[str, Any] = {}
    if operation.path == "/login" and operation.method == "POST":
        body = {
            "data": {"token": client.headers["X-Log10-Token"]},
            "headers": {"Origin": str(client.base_url)},
        }
    elif operation.method == "POST":
        body = {"json": RECORD}
    with client.stream(operation.method, re.sub(r"{\w+}", "some", operation.path), **body) as answer:
        # A stream of events that is open has no end.
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
        return answer


@pytest.mark.parametrize("key", ["trusted", "new"])
def test_a_store_that_cannot_answer_is_a_503_on_every_route(
    tenant: Tenant, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a free connection each route answers 503 with Retry-After; none answers 500."""
    client = tenant.client(Scope.ADMIN)
    if key == "trusted":
        assert client.get("/api/v1/limits").status_code == 200
    answers: dict[str, httpx.Response] = {}
    store = tenant.server.store
    with holding(store, "_readers", "_own_readers"), monkeypatch.context() as short_waits:
        # Only while no connection can be had: a busy machine needs longer where one can.
        short_waits.setattr(readers, "_WAIT_S", 0.05)
        shorten_waits(short_waits, 0.05)
        if isinstance(store, PostgresStore):
            for pool in (store._readers, store._own_readers):
                short_waits.setattr(pool._pool, "timeout", 0.1)
        for operation in (*OPERATIONS, *SIGN_IN, *PAGES):
            answers[f"{operation.method} {operation.path}"] = ask(client, operation)
        if key == "new":
            assert client.get("/", headers={"Accept": "text/html"}).status_code == 503
            reads = [answer for name, answer in answers.items() if name.split()[1] not in STATIC]
            assert sum(answer.status_code == 503 for answer in reads) > len(OPERATIONS) / 2

    assert not {name: answer.text for name, answer in answers.items() if answer.status_code == 500}
    unavailable = {name: answer for name, answer in answers.items() if answer.status_code > 500}
    assert {answer.status_code for answer in unavailable.values()} == {503}
    assert [name for name, answer in unavailable.items() if "Retry-After" not in answer.headers] == []
    assert "GET /healthz" in unavailable
    assert client.post("/api/v1/completions", json=RECORD).status_code == 201
