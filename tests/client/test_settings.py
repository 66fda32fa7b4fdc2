"""Where the client finds its server."""

from __future__ import annotations

import httpx
import pytest

from log10_trace import local_server
from log10_trace.client import AsyncLog10, Log10
from log10_trace.client.settings import DEFAULT_URL, resolve_settings
from log10_trace.errors import ConfigError


def settled(**given: str) -> tuple[str, object, str | None]:
    """Address, key and organization for what was given as arguments."""
    settings = resolve_settings(
        url=given.get("url"), token=given.get("token"), organization=given.get("org"), timeout=None
    )
    return settings.url, settings.token, settings.organization


def test_without_anything_it_is_the_default_address() -> None:
    """With no setting and no server running, the address is the one that `serve` would take."""
    assert settled() == (DEFAULT_URL, None, None)


def test_this_users_server_is_found_with_its_key() -> None:
    """The running server of this user is found by itself, key included."""
    local_server.register(local_server.LocalServer(url="http://127.0.0.1:1", token="own", pid=1))

    assert settled() == ("http://127.0.0.1:1", "own", None)


def test_the_own_key_goes_to_the_own_server_only() -> None:
    """A server that is named gets no key that was meant for another."""
    local_server.register(local_server.LocalServer(url="http://127.0.0.1:1", token="own", pid=1))

    assert settled(url="http://elsewhere:2") == ("http://elsewhere:2", None, None)
    assert settled(url="http://127.0.0.1:1/") == ("http://127.0.0.1:1", "own", None)


def test_environment_overrides_and_arguments_override_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument before environment before the server found."""
    local_server.register(local_server.LocalServer(url="http://127.0.0.1:1", token="own", pid=1))
    monkeypatch.setenv("LOG10_URL", "http://named:3")
    monkeypatch.setenv("LOG10_TOKEN", "from-environment")
    monkeypatch.setenv("LOG10_ORG_ID", "ours")

    assert settled() == ("http://named:3", "from-environment", "ours")
    assert settled(url="http://other:4", token="mine", org="theirs") == ("http://other:4", "mine", "theirs")


def test_an_unusable_address_is_named() -> None:
    """A setting that cannot be used is an error that names it, when the client is made."""
    with pytest.raises(ConfigError, match="url='nowhere'"):
        Log10(server_url="nowhere")


def test_a_given_http_client_stays_open() -> None:
    """The HTTP client of the user is the user's to close."""
    http = httpx.Client()

    with Log10(http_client=http, server_url="http://api.test"):
        pass

    assert not http.is_closed
    http.close()


async def _closed_by(client: AsyncLog10) -> bool:
    async with client:
        pass
    return client._driver.http.is_closed


def test_connections_of_our_own_are_closed() -> None:
    """Leaving the client closes the connections it made itself."""
    import asyncio

    with Log10() as client:
        pass

    assert client._driver.http.is_closed
    assert asyncio.run(_closed_by(AsyncLog10()))


@pytest.mark.parametrize(("url", "is_asked"), [("http://127.0.0.1:1", False), ("http://log.example", True)])
def test_no_proxy_stands_before_this_machine(
    monkeypatch: pytest.MonkeyPatch, url: str, is_asked: bool
) -> None:
    """The environment's proxy is not asked for a server on this machine."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:2")

    with Log10(server_url=url) as client:
        pool = client._driver.http._transport._pool
        assert (type(pool).__name__ == "HTTPProxy") is is_asked
