"""A database is copied to another of any kind: what is asked of both is answered alike."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from log10_trace.domain.keys import Scope, make_key
from log10_trace.errors import SetupError
from log10_trace.server.store import open_store
from log10_trace.server.store.copying import copy
from log10_trace.server.store.copying.addresses import copy_database
from log10_trace.server.store.copying.checkpoint import CheckpointFile
from log10_trace.server.store.data_types import WriteEffect
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.serving_lock import lock_database
from tests.processes import DEADLINE_S, environment
from tests.server.store import kept_data
from tests.server.store.factories import ORG, OTHER, completion, ids, put, put_all

KILLED = """
import os, signal, sys
from log10_trace.server.store.copying import addresses, copy
copy._MAX_RECORDS, copy._CHECKPOINT_EVERY_S = 20, 0

def watch(stage, done, total):
    if done * 2 > total:
        os.kill(os.getpid(), signal.SIGKILL)

addresses.copy_database(sys.argv[1], sys.argv[2], merges=False, watch=watch)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own for what is noted of a copy."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LOG10_HOME", str(folder))
    return folder


def ignore(_stage: str, _done: int, _total: int) -> None:
    pass


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


def test_a_copy_answers_as_its_source(two_urls: tuple[str, str]) -> None:
    """Exports byte for byte, lists, searches, sessions, statistics, sources, keys, feedback, deletions."""
    with opened(two_urls[0]) as store:
        kept_data.fill(store)
        exports = [kept_data.export(store, each) for each in (ORG, OTHER)]
        described = [kept_data.describe(store, each) for each in (ORG, OTHER)]

    report = copy_database(*two_urls, merges=False, watch=ignore)

    assert (report.differences, report.unstorable) == ([], [])
    with opened(two_urls[1]) as store:
        assert [kept_data.export(store, each) for each in (ORG, OTHER)] == exports
        for each, expected in zip((ORG, OTHER), described, strict=True):
            found = kept_data.describe(store, each)
            assert {name: found[name] for name in expected} == expected
        repeated = completion(id=kept_data.PRUNED, created_at="2026-03-01T11:59:00Z", source="s", sequence=1)
        assert put(store, repeated).change is WriteEffect.DELETED
        assert (
            put(store, completion(id=kept_data.DELETED[0], source="s", sequence=7)).change
            is WriteEffect.DELETED
        )


def test_a_copy_that_was_killed_goes_on_where_it_stood(second_url: str, tmp_path: Path, home: Path) -> None:
    """Killed in the middle it is begun again by itself, reads only what is left, and leaves no trace."""
    urls = str(tmp_path / "source.db"), second_url
    with opened(urls[0]) as store:
        put_all(
            store,
            [
                completion(id=f"c{n:03}", created_at=f"2026-03-01T12:{n // 60:02}:{n % 60:02}Z")
                for n in range(200)
            ],
        )
        expected = kept_data.export(store)

    command = [sys.executable, "-c", KILLED, *urls]
    killed = subprocess.run(command, env=environment(home), timeout=DEADLINE_S, check=False)
    report = copy_database(*urls, merges=False, watch=ignore)

    assert killed.returncode == -signal.SIGKILL
    assert 0 < report.records < 200
    assert report.is_complete
    with opened(urls[1]) as store:
        assert kept_data.export(store) == expected


@pytest.fixture
def urls(tmp_path: Path) -> tuple[str, str]:
    """A database with one call, and an address where there is none."""
    source = str(tmp_path / "a.db")
    with opened(source) as store:
        put(store, completion(id="a"))
    return source, str(tmp_path / "b.db")


def test_a_target_with_other_data_is_added_to_only_on_demand(urls: tuple[str, str]) -> None:
    """With merge both are there, and again changes nothing."""
    with opened(urls[1]) as store:
        put(store, completion(id="b"))

    with pytest.raises(SetupError, match="--merge"):
        copy_database(*urls, merges=False, watch=ignore)
    reports = [copy_database(*urls, merges=True, watch=ignore) for _ in range(2)]

    assert [dict(report.results) for report in reports] == [
        {WriteEffect.CREATED: 1},
        {WriteEffect.UNCHANGED: 1},
    ]
    with opened(urls[1]) as store:
        assert sorted(ids(store)) == ["a", "b"]


def test_a_difference_at_the_end_is_told(urls: tuple[str, str]) -> None:
    """A record that came into the source while it was copied is missing in the target."""
    with opened(urls[0]) as source, opened(urls[1]) as target:
        file = CheckpointFile(urls[1], target.transfer.identify())

        def add(stage: str, _done: int, _total: int) -> None:
            if stage == "Copying records":
                put(source, completion(id="late", created_at="2020-01-01T00:00:00Z", status="failed"))

        report = copy.copy_store(source, target, file, watch=add)

    assert report.differences[:2] == [
        "org: 2 calls in the source, 1 in the target.",
        "org: 1 failed calls in the source, 0 in the target.",
    ]
    assert not report.is_complete


def test_keys_alone_are_no_other_data_and_one_that_was_revoked_since_is(urls: tuple[str, str]) -> None:
    """A server made a key when it first started; a key of the source that is there is brought up to date."""
    with opened(urls[0]) as source, opened(urls[1]) as target:
        _, key = make_key(ORG, [Scope.READ], now_ms=1, key_id="k")
        for store in (source, target):
            store.keys.add(ORG, key).result()
        source.keys.revoke(ORG, "k", now_ms=5).result()
        own = target.keys.add(ORG, make_key(ORG, [Scope.ADMIN], now_ms=2)[1]).result()

    report = copy_database(*urls, merges=False, watch=ignore)

    assert report.is_complete
    with opened(urls[1]) as target:
        assert target.keys.list() == [replace(key, revoked_at_ms=5), own]


def test_another_key_of_the_same_id_is_an_error(urls: tuple[str, str]) -> None:
    """No key opens the target that did not open it, or the source, before."""
    for url in urls:
        with opened(url) as store:
            store.keys.add(ORG, make_key(ORG, [Scope.READ], now_ms=1, key_id="k")[1]).result()

    with pytest.raises(SetupError, match="another key of the id k"):
        copy_database(*urls, merges=False, watch=ignore)


@pytest.mark.parametrize("alias", ["same", "sqlite:///", "link", "hard link"])
def test_source_and_target_are_two(urls: tuple[str, str], alias: str) -> None:
    """However the address is spelled."""
    target = Path(urls[1])
    if alias == "link":
        target.symlink_to(urls[0])
    elif alias == "hard link":
        target.hardlink_to(urls[0])
    address = {"same": urls[0], "sqlite:///": f"sqlite:///{urls[0]}"}.get(alias, urls[1])

    with pytest.raises(SetupError, match="same database"):
        copy_database(urls[0], address, merges=True, watch=ignore)


@pytest.mark.parametrize("served", [0, 1])
def test_a_file_that_a_server_has_is_not_copied(urls: tuple[str, str], served: int) -> None:
    """Neither from nor to: the message says which and what to do."""
    with lock_database(urls[served]), pytest.raises(SetupError, match=r"(?s)has the database .*Stop it"):
        copy_database(*urls, merges=False, watch=ignore)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("missing.db", "There is no database"),
        ("mysql://user:secret@host/x", "is not understood"),
        ("sqlite://missing.db", "is not understood"),
        ("postgresql:/user:secret@host/x", "is not understood"),
        ("postgresql://user:secret@/x?host=/nowhere", "cannot be used"),
        ("postgresql://user:sec ret@host:port/x", "cannot be used"),
        ("a\0b", "cannot be used|no path"),
    ],
)
def test_an_address_of_nothing_is_an_error_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    """The message names no password; neither database is there afterwards, nor anything of the target."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SetupError, match=said) as raised:
        copy_database(source, "b.db", merges=False, watch=ignore)

    assert "secret" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} <= {f"{source}.serving"}


def test_a_postgresql_database_without_the_schema_is_no_source(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    """It is left as it is."""
    for _ in range(2):
        with pytest.raises(SetupError, match="holds nothing of log10-trace"):
            copy_database(empty_postgres_url, str(tmp_path / "b.db"), merges=False, watch=ignore)


def test_a_checkpoint_that_cannot_be_read_is_an_error(urls: tuple[str, str]) -> None:
    """It names the file, and nothing is written."""
    file = Path(f"{urls[1]}.migrate")
    file.write_text("{")

    with pytest.raises(SetupError, match=r"b\.db\.migrate .* Delete it"):
        copy_database(*urls, merges=False, watch=ignore)

    with opened(urls[1]) as store:
        assert ids(store) == []
