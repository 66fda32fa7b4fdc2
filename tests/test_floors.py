"""The rooms stand on floors, and no import goes upward or sideways."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "log10_trace"

FLOORS = (
    {"unpatched"},
    {"threads"},
    {"errors", "guard"},
    {"domain", "folders", "network", "private_file"},
    {"models"},
    {"otlp", "redact"},
    {"config", "context", "record"},
    {"local_server", "table_files"},
    {"instrument", "export", "client", "server"},
    {"runtime", "questions"},
    {"integrations", "mcp", "testing"},
    {"proxy"},
    {"cli"},
    {"__init__", "__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

EXPORT_FLOORS = (
    {"fork_hooks", "http", "spool", "stats"},
    {"counters"},
    {"monitor"},
    {"journal_sink"},
    {"delivery"},
    {"deferred_delivery"},
    {"__init__"},
)
"""The rooms inside ``export``: the spool and HTTP know nothing of delivery, which is above both."""

ONLY_IN = {
    "openai": {"instrument", "cli"},
    "celery": {"integrations"},
    "opentelemetry": {"otlp"},
    "wrapt": {"instrument"},
    "mcp": {"mcp"},
    "pytest": {"testing"},
    "sqlite3": {"server", "table_files"},
    "pyarrow": {"table_files"},
    "psycopg": {"server"},
    "starlette": {"server"},
}
"""Libraries that one room alone knows; ``cli`` calls the SDK to replay calls, as a user would."""

MODULES = sorted(PACKAGE.rglob("*.py"))
STORE_ENGINES = {"postgres", "sqlite"}
STORE_MODULES = [
    module
    for room in sorted({"common"} | STORE_ENGINES)
    for module in sorted((PACKAGE / "server" / "store" / room).rglob("*.py"))
]
EXPORT_MODULES = [path for path in MODULES if path.parent.is_relative_to(PACKAGE / "export")]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written whole"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    """A module imports lower floors and its own room, never a room above or beside it."""
    room = room_of(path)

    wrong = [
        name
        for name in imports_of(path)
        if name.startswith("log10_trace.")
        and (other := name.split(".")[1]) != room
        and other in FLOOR_OF
        and FLOOR_OF[other] >= FLOOR_OF[room]
    ]

    assert not wrong


@pytest.mark.parametrize("path", EXPORT_MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_inside_export_go_down_only(path: Path) -> None:
    """The rooms of ``export`` are ordered too: http and spool, then the journal sink, then delivery."""
    floor_of = {room: floor for floor, rooms in enumerate(EXPORT_FLOORS) for room in rooms}
    room = path.relative_to(PACKAGE / "export").parts[0].removesuffix(".py")
    imported = [name.split(".") for name in imports_of(path) if name.startswith("log10_trace.export.")]

    wrong = [
        name
        for name in imported
        if name[2] != room and name[2] in floor_of and floor_of[name[2]] >= floor_of[room]
    ]

    assert not wrong


@pytest.mark.parametrize("path", STORE_MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_engine_of_the_store_knows_no_other(path: Path) -> None:
    """What engines do alike is in ``store/common``, which imports no engine."""
    room = path.relative_to(PACKAGE / "server" / "store").parts[0]
    rooms = {".".join(name.split(".")[:4]) for name in imports_of(path)}

    assert not {f"log10_trace.server.store.{engine}" for engine in STORE_ENGINES - {room}} & rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_known_to_its_room_alone(path: Path) -> None:
    """Only instrument/ imports openai and wrapt; only server/ imports databases and the web framework."""
    tops = {name.split(".")[0] for name in imports_of(path)}

    assert not [top for top in tops if room_of(path) not in ONLY_IN.get(top, {room_of(path)})]


def test_commands_know_the_server_only_to_start_it_or_to_open_its_store() -> None:
    """Every other command asks the server through the client; what both sides know stands in domain/."""
    known = {
        (path.name, ".".join(name.split(".")[1:3]))
        for path in MODULES
        if room_of(path) == "cli"
        for name in imports_of(path)
        if name.startswith("log10_trace.server")
    }

    assert known == {("serve.py", "server.running"), ("database.py", "server.store")}


def test_every_room_has_a_floor() -> None:
    """A new file needs a room: one that this table does not know is a question about the design."""
    assert {room_of(path) for path in MODULES} <= set(FLOOR_OF)


def test_every_test_says_what_it_proves() -> None:
    """Each test function of the project has a docstring: read top to bottom they are the specification."""
    silent = [
        f"{path.name}::{node.name}"
        for path in sorted(Path(__file__).parent.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert not silent
