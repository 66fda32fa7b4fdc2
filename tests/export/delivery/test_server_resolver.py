"""Which server records go to, and which records of others are ours to send there."""

from __future__ import annotations

import logging
import os

import pytest

from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.spool.destination import Destination, destination_of, fingerprint
from log10_trace.local_server import LocalServer, register, unregister
from tests.export.factories import config

URL = "http://127.0.0.1:9"
ELSEWHERE = "http://127.0.0.1:10"


def bound(url: str | None = None, organization: str | None = None, token: str | None = None) -> Destination:
    return Destination(url=url, organization_id=organization, key=fingerprint(token))


def own_server() -> LocalServer:
    """This user's own server announces itself."""
    made = LocalServer(url=URL, token="its own", pid=os.getpid())
    register(made)
    return made


def test_a_server_that_was_named_is_the_one() -> None:
    """Settings go before what runs on this machine."""
    own_server()
    resolver = ServerResolver(config(ELSEWHERE, token="t", organization_id="o"))

    assert resolver.resolve() == Server(url=ELSEWHERE, token="t", organization_id="o")


def test_otherwise_it_is_this_users_own_wherever_it_listens_now() -> None:
    """A server that starts, moves or stops is found, or missed, the next time that somebody asks."""
    resolver = ServerResolver(config(organization_id="o"))
    assert resolver.resolve() is None

    own = own_server()
    assert resolver.resolve() == Server(url=URL, token="its own", organization_id="o")

    unregister(own.pid)
    assert resolver.resolve() is None


def test_that_none_runs_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """With the command to type, and not at all when a server is about to run."""
    caplog.set_level(logging.INFO)
    hushed, resolver = ServerResolver(config()), ServerResolver(config())
    hushed.suppress_notice()
    hushed.resolve()
    assert not caplog.records

    resolver.resolve()
    resolver.resolve()
    assert [each.getMessage().endswith("Run: log10-trace serve") for each in caplog.records] == [True]


@pytest.mark.parametrize(
    ("settings", "destination", "expected"),
    [
        ({}, bound(), True),
        ({}, bound(URL), False),
        ({"url": URL}, bound(), False),
        ({"url": URL}, bound(URL), True),
        ({"url": URL}, bound(ELSEWHERE), False),
        ({"url": URL, "token": "mine"}, bound(URL, token="mine"), True),
        ({"url": URL, "token": "mine"}, bound(URL, token="theirs"), False),
        ({"url": URL, "token": "mine"}, bound(URL), True),
        ({"url": URL}, bound(URL, token="theirs"), False),
        ({"organization_id": "o"}, bound(), False),
        ({}, bound(organization="o"), False),
        ({"url": URL, "organization_id": "o"}, bound(URL, "o"), True),
        ({"url": URL, "organization_id": "o"}, bound(URL, "p"), False),
    ],
)
def test_nobody_sends_anothers_records_to_their_own(
    settings: dict[str, str], destination: Destination, expected: bool
) -> None:
    """Server, organization and, where it alone tells whose they are, the key must be the same."""
    assert ServerResolver(config(**settings)).accepts(destination) is expected


def test_with_any_key_the_server_and_the_organization_count_still() -> None:
    """Who overrides the key does not override where the records go."""
    resolver = ServerResolver(config(URL, token="mine"), any_key=True)

    assert resolver.accepts(bound(URL, token="theirs"))
    assert not resolver.accepts(bound(ELSEWHERE, token="theirs"))
    assert not resolver.accepts(bound(URL, "o", token="theirs"))


def test_this_users_own_server_takes_what_was_bound_for_its_address() -> None:
    """Records for the address of the own server, with its key, are its own."""
    resolver = ServerResolver(config())
    assert not resolver.accepts(bound(URL, token="its own"))

    own_server()

    assert resolver.accepts(bound(URL, token="its own"))
    assert not resolver.accepts(bound(URL, token="another's"))


@pytest.mark.parametrize(
    "settings",
    [{}, {"url": URL}, {"url": URL, "token": "t"}, {"url": URL, "token": "t", "organization_id": "o"}],
)
def test_a_program_takes_what_its_like_has_left(settings: dict[str, str]) -> None:
    """The next run of a program with the same settings delivers what this one leaves."""
    assert ServerResolver(config(**settings)).accepts(destination_of(config(**settings)))
