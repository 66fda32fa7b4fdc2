"""``serve``: assembles port, store, bootstrap key and application, and runs until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from log10_trace import local_server
from log10_trace.domain.keys import Scope, split_token
from log10_trace.domain.prices import Prices
from log10_trace.errors import SetupError
from log10_trace.guard import guard
from log10_trace.server.app import OWN_PATHS, create_app
from log10_trace.server.authentication.auth import Authenticator, Principal
from log10_trace.server.authentication.bootstrap_key import bootstrap_key_path, ensure_bootstrap_key
from log10_trace.server.authentication.login_codes import LoginCodes
from log10_trace.server.http.forwarded import LOOPBACK_PROXIES, ProxyPolicy, proxy_policy
from log10_trace.server.http.host_policy import WILDCARDS, host_policy_for, is_loopback
from log10_trace.server.http.http_server import HttpServer
from log10_trace.server.http.limits import Limits
from log10_trace.server.running import bind, log_setup
from log10_trace.server.store import open_store
from log10_trace.server.store.address import (
    CLICKHOUSE,
    EMBEDDED_CLICKHOUSE,
    is_clickhouse,
    is_postgres,
    sqlite_path,
)
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.serving_lock import lock_database

THREAD_SWITCH_INTERVAL_S: Final = 0.0005
"""The writer gives the interpreter up at every statement; under load it waits this long to get it back."""
GC_THRESHOLD: Final = 100_000
"""New objects until Python looks for cycles among them. Records have none, but a few hundred are in flight at
once, and with Python's 700 looking in vain takes a sixth of a batch's processor time."""

_EXPERIMENTAL: Final = (
    "log10-trace: the store in ClickHouse is experimental: it passes the tests of the other stores, but was"
    " never run for months; copy what must not be lost to another database with log10-trace migrate"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the server; the help of the command's options describes each."""

    host: str
    port: int
    database: str
    organization_id: str
    allowed_hosts: tuple[str, ...] = ()
    insecure: bool = False
    forwarded_allow_ips: str | None = None
    """None trusts the proxies of this machine."""
    root_path: str = ""
    log_level: str = "info"
    prices: Path | None = None
    """The user's own price table; None for the package's."""
    limits: Limits = field(default_factory=Limits)

    def proxy_policy(self) -> ProxyPolicy:
        """Which proxies are trusted.

        Raises:
            SetupError: a setting of it cannot be used.
        """
        return proxy_policy(self.forwarded_allow_ips or LOOPBACK_PROXIES, self.root_path, OWN_PATHS)


def serve(
    settings: Settings, print_line: Callable[[str], None], ready: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted is committed before this returns.

    Args:
        settings: How.
        print_line: Called with the URL once the server listens, and with the login URL (again at SIGUSR1).
        ready: Called then.

    Raises:
        ConfigError: the price table cannot be read.
        SetupError: a setting cannot be used, the port is in use, the database is served already or is another
            program's, or there is no key and other machines could reach the server.
    """
    settings.proxy_policy()  # refused before anything is opened
    with bind.listening_socket(settings.host, settings.port) as bound, lock_database(settings.database):
        store = open_store(settings.database, prices=Prices.load(settings.prices))
        try:
            _run(settings, store, bound, print_line, ready)
        finally:
            store.close()


def _run(
    settings: Settings,
    store: Store,
    bound: socket.socket,
    print_line: Callable[[str], None],
    ready: Callable[[], None],
) -> None:
    _require_key_when_public(settings, store)
    sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
    gc.set_threshold(GC_THRESHOLD)
    log_setup.configure_logging(settings.log_level)
    port: int = bound.getsockname()[1]
    token = ensure_bootstrap_key(store.keys, bootstrap_key_path(settings.database), settings.organization_id)
    parts = split_token(token) or ("", "")
    own = Principal(parts[0], settings.organization_id, frozenset({Scope.ADMIN}))
    codes, proxies = LoginCodes(), settings.proxy_policy()
    app = create_app(
        store,
        host_policy_for(settings.host, port, settings.allowed_hosts),
        codes=codes,
        limits=settings.limits,
        authenticator=Authenticator(store.keys, anonymous=own if settings.insecure else None),
        proxies=proxies,
    )
    url = f"http://{_format_host(settings.host)}:{port}"
    here = local_server.LocalServer(url=_build_local_url(settings.host, port), token=token, pid=os.getpid())

    def print_login_url() -> None:
        page = f"{here.url}{proxies.root_path}/login?code={codes.issue(own)}"
        print_line(f"log10-trace: open the page at {page} (one-time link, valid for 15 minutes)")

    def listening() -> None:
        if threading.current_thread() is threading.main_thread():  # no other hears signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print_login_url)
        with guard("publishing the server's address"):
            local_server.register(here)
        print_line(f"log10-trace: listening on {url}")
        for line in describe_database(settings.database):
            print_line(line)
        print_login_url()
        ready()

    limits = settings.limits
    listener = HttpServer(
        app,
        listening,
        request_s=limits.request_s,
        head_s=limits.head_s,
        half_open=limits.half_open_connections,
        idle=limits.idle_connections,
        stopping=app.end_streams,
    )
    try:
        asyncio.run(listener.serve(sockets=[bound]))
    finally:
        local_server.unregister(here.pid)


def _require_key_when_public(settings: Settings, store: Store) -> None:
    if is_loopback(settings.host) or settings.insecure or store.keys.list():
        return
    message = (
        f"{settings.host} can be reached from other machines, and there is no key yet. Make one with "
        "log10-trace keys create, or use --insecure to serve without authentication."
    )
    raise SetupError(message)


def _format_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _build_local_url(host: str, port: int) -> str:
    """The address under which this machine's own programs reach the server."""
    name = "127.0.0.1" if host in WILDCARDS else _format_host(host)
    return f"http://{name}:{port}"


def describe_database(database: str) -> list[str]:
    """What is said of a database when a server starts on it, without its password."""
    lines = [f"log10-trace: records are kept in {_hide_password(database)}"]
    return [*lines, _EXPERIMENTAL] if is_clickhouse(database) else lines


def _hide_password(database: str) -> str:
    if database.startswith(EMBEDDED_CLICKHOUSE):
        return "the engine of ClickHouse in " + database.partition("?")[0].removeprefix(EMBEDDED_CLICKHOUSE)
    if database.startswith(CLICKHOUSE):
        return "ClickHouse at " + database.rpartition("@")[2].partition("?")[0].rpartition("://")[2]
    if not is_postgres(database):
        return str(sqlite_path(database))
    return "PostgreSQL at " + database.rpartition("@")[2].partition("?")[0].removeprefix("postgresql://")
