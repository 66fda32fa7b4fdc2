"""The package fits newer Pythons than the one the tests run on, as far as its source can tell."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import log10_trace
from log10_trace.context import current
from log10_trace.record import content_encoding

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
SOURCES = [
    path
    for folder in ("log10_trace", "tests", "examples", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]

GONE: Final = {
    "asyncio": {
        "get_event_loop", "set_event_loop_policy", "get_event_loop_policy", "iscoroutinefunction",
        "get_child_watcher", "set_child_watcher", "coroutine",
    },
    "ast": {"Num", "Str", "Bytes", "NameConstant", "Ellipsis"},
    "datetime": {"utcnow", "utcfromtimestamp"},
    "importlib": {"find_loader"},
    "locale": {"getdefaultlocale", "resetlocale"},
    "logging": {"warn"},
    "pkgutil": {"find_loader", "get_loader", "ImpImporter"},
    "platform": {"java_ver"},
    "sqlite3": {"version", "version_info"},
    "threading": {"currentThread", "activeCount"},
    "typing": {"no_type_check_decorator", "ByteString", "io", "re"},
    "urllib": {"splittype", "splithost", "Quoter"},
    "inspect": {"getargspec", "formatargspec"},
}  # fmt: skip
"""What newer Pythons warn of or have taken out, by module: 3.12 to 3.15."""
GONE_MODULES: Final = {
    "aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp",
    "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "pkg_resources", "smtpd",
    "sndhdr", "spwd", "sre_compile", "sre_constants", "sre_parse", "sunau", "telnetlib", "uu", "xdrlib",
}  # fmt: skip


def parsed_sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_the_package_excludes_no_newer_python() -> None:
    """A bound from above would make installers choose an old release of ours, and never the right one."""
    assert re.findall(r'^requires-python = "(.*)"$', PROJECT, re.MULTILINE) == [">=3.10"]
    for minor in range(10, 16):
        assert f'"Programming Language :: Python :: 3.{minor}"' in PROJECT


def test_every_source_compiles_without_a_warning() -> None:
    """No invalid escape, no comparison with a literal by identity, nothing else that will be an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in SOURCES:
            compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)


def leaves(body: list[ast.stmt], *, in_loop: bool = False) -> Iterator[ast.stmt]:
    """What leaves a ``finally``: ``return``, and ``break`` or ``continue`` of an outer loop."""
    for statement in body:
        if isinstance(statement, ast.Return) or (
            isinstance(statement, ast.Break | ast.Continue) and not in_loop
        ):
            yield statement
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = in_loop or isinstance(statement, ast.For | ast.While | ast.AsyncFor)
            for field in ("body", "orelse", "finalbody"):
                yield from leaves(getattr(statement, field, []), in_loop=inside)


@pytest.mark.slow
def test_nothing_leaves_a_finally() -> None:
    """``return``, ``break`` and ``continue`` there swallow exceptions, and are a warning from 3.14 on."""
    found = [
        f"{path.name}:{statement.lineno}"
        for path, tree in parsed_sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        for statement in leaves(node.finalbody)
    ]

    assert found == []


@pytest.mark.slow
def test_nothing_that_newer_pythons_lack_is_used() -> None:
    """No module, function or attribute that 3.12 to 3.15 have taken out or warn of."""
    found = []
    for path, tree in parsed_sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                owner = ast.unparse(node.value).partition(".")[0]
                if node.attr in GONE.get(owner, ()):
                    found.append(f"{path.name}:{node.lineno} {owner}.{node.attr}")
            elif isinstance(node, ast.ImportFrom) and node.module:
                root = node.module.partition(".")[0]
                names = {alias.name for alias in node.names} & GONE.get(root, set())
                if names or root in GONE_MODULES:
                    found.append(f"{path.name}:{node.lineno} {root} {sorted(names)}")
            elif isinstance(node, ast.Import):
                gone = {alias.name.partition(".")[0] for alias in node.names} & GONE_MODULES
                found += [f"{path.name}:{node.lineno} {name}" for name in gone]

    assert found == []


class _Zstd(ModuleType):
    """The standard library's module of Python 3.14, as far as it is asked for."""

    ZstdError = type("ZstdError", (Exception,), {})

    class ZstdDecompressor:
        """Knows one frame."""

        eof = False
        unused_data = b""

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            self.eof = True
            return data.removeprefix(b"coded ")[: max_length if max_length >= 0 else None]


def test_the_standard_librarys_zstd_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 3.14 on the SDK asks for zstd without any library installed."""
    modules: dict[str, Any] = {"compression": ModuleType("compression"), "compression.zstd": _Zstd("zstd")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)

    assert content_encoding.decode_body([b"coded body"], "zstd") == b"body"


def test_a_function_that_was_handed_its_labels_has_those_where_threads_inherit_others() -> None:
    """With ``-X thread_inherit_context``, the default of free-threaded builds, a thread has its starter's."""
    with log10_trace.tags("handed"):
        work = log10_trace.propagate(lambda: current().tags)
    with log10_trace.tags("starter"):
        inherited = copy_context()

    assert inherited.run(current).tags == ("starter",)
    assert inherited.run(work) == ("handed",)
    assert inherited.run(current).tags == ("starter",)
