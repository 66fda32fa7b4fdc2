"""A site for tests: the real application on a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from log10_trace.server.app import create_app
from log10_trace.server.authentication.auth import Authenticator
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import Store
from tests.server.pages import chromium
from tests.server.pages.page_client import PORT, READER, Site


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "completions.db")
    yield opened
    opened.close()


@pytest.fixture
def site(store: Store) -> Site:
    app = create_app(
        store, host_policy_for("127.0.0.1", PORT), authenticator=Authenticator(store.keys, anonymous=READER)
    )
    return Site(store, TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False))


@pytest.fixture(scope="session")
def window() -> Iterator[chromium.Tab]:
    """One browser for all tests of this process; ``sign_in`` makes it as new."""
    with chromium.tab() as opened:
        yield opened
