"""The user's own server says how to reach it in a file of the user's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from log10_trace import local_server

SERVER = local_server.LocalServer(url="http://127.0.0.1:4680", token="l10_key", pid=os.getpid())


def test_an_announced_server_is_found(private_home: Path) -> None:
    """What the server announces is what tracer and command line find."""
    local_server.register(SERVER)

    assert local_server.discover() == SERVER


def test_the_announcement_is_readable_by_its_owner_alone(private_home: Path) -> None:
    """The file holds a key: 0600, in a folder of 0700."""
    local_server.register(SERVER)

    assert stat.S_IMODE(local_server.registration_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(private_home.stat().st_mode) == 0o700


def test_no_announcement_is_no_server() -> None:
    """Without the file, and with a damaged one, there is no server."""
    assert local_server.discover() is None

    local_server.register(SERVER)
    local_server.registration_path().write_text("{half")
    assert local_server.discover() is None


def test_a_server_withdraws_its_own_announcement_only() -> None:
    """A server that ends late leaves the announcement of its successor alone."""
    local_server.register(SERVER)

    local_server.unregister(SERVER.pid + 1)
    assert local_server.discover() == SERVER
    local_server.unregister(SERVER.pid)
    assert local_server.discover() is None
