"""A PostgreSQL of the tests' own: a cluster in a temporary folder, a fresh database for each test.

``LOG10_TEST_POSTGRES_URL`` names a server to use instead: the URL of a database whose user may create
databases. A test that must stop PostgreSQL itself needs a cluster of its own and skips there.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from log10_trace.server.store import open_store

GIVEN_URL = "LOG10_TEST_POSTGRES_URL"
MISSING = (
    f"no PostgreSQL server programs: sudo apt-get install postgresql-15, or set {GIVEN_URL} to a database"
    " whose user may create databases"
)
SETTINGS = {
    # The tests kill processes, never the machine: what the kernel has is safe, and fsync would only be slow.
    "fsync": "off",
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
}

TABLES = (
    *("completions", "completion_tags", "completion_words", "waiting_texts", "placements", "stacks"),
    *("rollups", "rollup_deltas", "sessions", "arrivals"),
    *("feedback_tasks", "feedback", "feedback_completions", "keys", "revoked_page_sessions"),
    *("deleted", "pruned", "waiting_records", "waiting_counts", "grading_leases"),
)


def find_binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: the newest under /usr/lib/postgresql, else on the PATH."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: float(path.parts[-3]), default=None)
    found = newest or shutil.which("initdb")
    return Path(found).parent if found else None


class Cluster:
    """One PostgreSQL server on a Unix socket in ``folder``, which asks for a password."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        self._password_file = folder / "password"
        is_laid = self._password_file.exists()
        self._password = self._password_file.read_text() if is_laid else secrets.token_hex(8)
        # PostgreSQL refuses to run as root; its package brings a user for it.
        self._user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}

    @property
    def url(self) -> str:
        """The maintenance database, as the user who may do everything."""
        return self.url_of("postgres")

    def url_of(self, database: str, password: str | None = None) -> str:
        """One database of the cluster, with this ``password`` in place of the right one."""
        return f"postgresql://log10:{password or self._password}@/{database}?host={self._folder}"

    def create(self, settings: dict[str, str]) -> None:
        """Lay the cluster's files."""
        self._password_file.write_text(self._password)
        if self._user:
            shutil.chown(self._folder, "postgres", "postgres")
            shutil.chown(self._password_file, "postgres")
        self._run(
            *("initdb", "--username", "log10", "--pwfile", self._password_file, "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"unix_socket_directories = '{self._folder}'\n")
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        self._run("pg_ctl", "start", "--wait", "--log", self._folder / "log")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast`` ends its connections in order, ``immediate`` as a crash would."""
        self._run("pg_ctl", "stop", "--wait", "--mode", mode)

    def restart(self, mode: str = "fast") -> None:
        """Stop and start again: every connection breaks."""
        self.stop(mode)
        self.start()

    def is_running(self) -> bool:
        """Whether the server runs."""
        return (self._folder / "data" / "postmaster.pid").exists()

    @property
    def pid(self) -> int:
        """The process of the server that runs; those of its connections are its children."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [self._binaries / program, "--pgdata", self._folder / "data", *arguments]
        # Not a pipe: the server that pg_ctl leaves behind would hold it open.
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, cwd=self._folder, **self._user)
        assert done.returncode == 0, f"{program} failed; the server's log is in {self._folder}"


@contextmanager
def running_cluster(settings: dict[str, str] = SETTINGS) -> Iterator[Cluster]:
    """A cluster that runs as long as the block does; skips the test where PostgreSQL is not installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(MISSING)
    # Not pytest's tmp_path: a socket's path may hold 107 bytes, and root's folders are closed to PostgreSQL.
    folder = Path(tempfile.mkdtemp(prefix="log10-pg-"))
    folder.chmod(0o755)
    cluster = Cluster(folder, binaries)
    try:
        cluster.create(settings)
        cluster.start()
        yield cluster
    finally:
        if cluster.is_running():
            cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """The URL of a database made for this block, as a copy of ``template``, and dropped after it."""
    name = f"log10_{secrets.token_hex(6)}"
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield with_database(server_url, name)
    finally:
        _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server_url: str, statement: str) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is missing: pip install 'log10-trace[postgres]'")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)


def with_database(url: str, name: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server for the whole run: the one that is given, else a cluster of our own."""
    if given := os.environ.get(GIVEN_URL):
        yield given
        return
    with running_cluster() as cluster:
        yield cluster.url


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a database with the schema, to be copied, which is quicker than to lay it."""
    with fresh_database(postgres_server) as url:
        open_store(url).close()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of a database of this test's own, with the schema and nothing else."""
    with fresh_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of a database for the whole run."""
    with fresh_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def emptied_postgres_url(shared_postgres_url: str) -> str:
    """The URL of a database that tests share one after the other, each finding it empty.

    Ten times quicker than a database for each of some hundred tests; for those that leave the schema alone.
    """
    return _empty(shared_postgres_url)


@pytest.fixture(scope="session")
def second_shared_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of another database for the whole run."""
    with fresh_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def second_emptied_postgres_url(second_shared_postgres_url: str) -> str:
    """The URL of another such database, for tests that need two."""
    return _empty(second_shared_postgres_url)


def _empty(url: str) -> str:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")
    return url


@pytest.fixture
def postgres_cluster() -> Iterator[Cluster]:
    """A cluster of this test's own, which it may stop, kill and start again."""
    with running_cluster() as cluster:
        yield cluster
