"""The user's own server says how to reach it in a file of the user's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from log10_trace import local

SERVER = local.LocalServer(url="http://127.0.0.1:4680", token="l10_key", pid=os.getpid())


def test_an_announced_server_is_found(private_home: Path) -> None:
    """What the server announces is what tracer and command line find."""
    local.announce(SERVER)

    assert local.find() == SERVER


def test_the_announcement_is_readable_by_its_owner_alone(private_home: Path) -> None:
    """The file holds a key: 0600, in a folder of 0700."""
    local.announce(SERVER)

    assert stat.S_IMODE(local.server_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(private_home.stat().st_mode) == 0o700


def test_no_announcement_is_no_server() -> None:
    """Without the file, and with a damaged one, there is no server."""
    assert local.find() is None

    local.announce(SERVER)
    local.server_file().write_text("{half")
    assert local.find() is None


def test_a_server_withdraws_its_own_announcement_only() -> None:
    """A server that ends late leaves the announcement of its successor alone."""
    local.announce(SERVER)

    local.withdraw(SERVER.pid + 1)
    assert local.find() == SERVER
    local.withdraw(SERVER.pid)
    assert local.find() is None
