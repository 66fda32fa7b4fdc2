"""A real server over real HTTP for the tests of the API, and an organization of its own for each test."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace.domain.keys import Key, Scope, make_key
from log10_trace.server.app import create_app
from log10_trace.server.authentication.auth import Authenticator
from log10_trace.server.authentication.login_codes import LoginCodes
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.http.http_server import HttpServer
from log10_trace.server.http.limits import Limits
from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import Store

JSON = {"Content-Type": "application/json"}
START_S = 120.0


@dataclass(frozen=True)
class Server:
    """A server that runs, its store, and its one-time codes."""

    url: str
    store: Store
    codes: LoginCodes
    authenticator: Authenticator

    def forget_keys(self) -> None:
        """Let the server look every key up again, as it does by itself after five seconds."""
        self.authenticator.clear_cache()

    def key(self, organization_id: str, *scopes: Scope, **more: Any) -> tuple[str, Key]:
        """A new key of the organization, and its token."""
        token, key = make_key(organization_id, scopes, now_ms=time.time_ns() // 1_000_000, **more)
        return token, self.store.keys.add(organization_id, key).result()


@dataclass
class Tenant:
    """One organization on a server, with a client for each scope."""

    server: Server
    organization_id: str = field(default_factory=lambda: f"org-{uuid.uuid4().hex[:8]}")
    stack: ExitStack = field(default_factory=ExitStack)

    def client(self, *scopes: Scope, **headers: str) -> httpx.Client:
        """A client with a new key of these scopes."""
        token, _ = self.server.key(self.organization_id, *scopes)
        given = {"X-Log10-Token": token, **headers}
        return self.stack.enter_context(httpx.Client(base_url=self.server.url, headers=given, timeout=120))


@contextmanager
def running(database: Path | str, limits: Limits | None = None, *, stop_s: int = 5) -> Iterator[Server]:
    """A server on ``database``, a folder or an address, in a thread of this process, while the block runs.

    Requests that are under way when the block ends are cut off after ``stop_s`` seconds.
    """
    store = open_store(database / "completions.db" if isinstance(database, Path) else database)
    codes = LoginCodes()
    started = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as bound:
        # As `serve` does: without it a client that keeps its connection waits 40 ms for each body.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port: int = bound.getsockname()[1]
        authenticator = Authenticator(store.keys)
        app = create_app(
            store, host_policy_for("127.0.0.1", port), authenticator=authenticator, codes=codes, limits=limits
        )
        bounds = limits or Limits()
        listener = HttpServer(
            app,
            started.set,
            request_s=bounds.request_s,
            head_s=bounds.head_s,
            half_open=bounds.half_open_connections,
            idle=bounds.idle_connections,
            stop_s=stop_s,
            stopping=app.end_streams,
        )
        thread = threading.Thread(target=lambda: asyncio.run(listener.serve(sockets=[bound])))
        thread.start()
        try:
            assert started.wait(START_S)
            yield Server(f"http://127.0.0.1:{port}", store, codes, authenticator)
        finally:
            listener.should_exit = True
            thread.join(START_S)
            store.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that tests share; each looks at an organization of its own."""
    with running(tmp_path_factory.mktemp("server")) as shared:
        yield shared


@pytest.fixture
def tenant(server: Server) -> Iterator[Tenant]:
    """An organization nobody else uses."""
    tenant = Tenant(server)
    with tenant.stack:
        yield tenant


@pytest.fixture
def client(tenant: Tenant) -> httpx.Client:
    """A client that may do everything in the test's organization."""
    return tenant.client(Scope.ADMIN)


@pytest.fixture
def keep(client: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Keeps a finished chat completion, with other fields as given; the stored record."""

    def kept(**fields: Any) -> dict[str, Any]:
        request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "What is a bee?"}]}
        response = {"choices": [{"message": {"role": "assistant", "content": "An insect."}}]}
        record = {"kind": "chat", "status": "finished", "request": request, "response": response, **fields}
        answer = client.post("/api/v1/completions", json=record)
        assert answer.status_code == 201, answer.text
        stored: dict[str, Any] = answer.json()
        return stored

    return kept
