"""Addresses of ClickHouse databases."""

from __future__ import annotations

import pytest

from log10_trace.errors import SetupError
from log10_trace.server.running.run import describe_database
from log10_trace.server.store.clickhouse.address import ClickHouseAddress, Cluster, parse_address


def test_an_address_has_its_parts() -> None:
    """Ports by scheme, escaped characters in names and passwords, a database of its own by default."""
    assert parse_address("clickhouses://me:p%40ss%2F@db.example/calls") == ClickHouseAddress(
        database="calls", host="db.example", port=8443, is_secure=True, username="me", password="p@ss/"
    )
    assert parse_address("clickhouse://[::1]:9000") == ClickHouseAddress(
        database="log10", host="::1", port=9000, username="default"
    )
    assert parse_address("clickhouse://host/calls?cluster=all-replicated").cluster == Cluster(
        "all-replicated", "calls"
    )
    assert parse_address("chdb:///srv/a%20b?database=x1") == ClickHouseAddress(
        database="x1", folder="/srv/a b"
    )


def test_a_server_says_where_records_are_and_that_it_is_experimental() -> None:
    """One line about the place, without the password, and one about what experimental means."""
    place, warning = describe_database("clickhouses://me:secret@db.example/calls?cluster=prod")

    assert place == "log10-trace: records are kept in ClickHouse at db.example/calls"
    assert "is experimental" in warning
    assert "log10-trace migrate" in warning
    assert len(describe_database("calls.db")) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("clickhouse://", "reads clickhouse://user:password@host"),
        ("clickhouse://me:secret@host:port/x", "reads clickhouse://user:password@host"),
        ("clickhouse://me:secret@host/x;y", "'x;y'"),
        ("clickhouse://me:secret@host/x?cluster=a%27b", 'cluster "a\'b"'),
        ("clickhouse://me:secret@host/x?cluster=", "cluster ''"),
        ("clickhouse://me:secret@host/x?sslmode=1", "'sslmode'"),
        ("chdb://relative/path", "chdb:///folder"),
        ("chdb:///", "chdb:///folder"),
        ("chdb:///srv?database=1", "'1'"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained(url: str, said: str) -> None:
    """In a sentence that names what is wrong, and never the password."""
    with pytest.raises(SetupError) as caught:
        parse_address(url)

    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
