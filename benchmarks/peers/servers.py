"""Collectors that run on this machine: how each is started, where it takes records, where it keeps them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.load import Target
from benchmarks.otlp import export_request
from benchmarks.peers import OURSELVES, ROOT

PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A collector on SQLite. ``{folder}``, ``{port}`` and ``{other_port}`` stand for what is its own."""

    title: str
    version: str
    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    health: str
    """Answers with success as soon as the collector takes records."""
    target: Callable[[Path, str, bool], Target]
    """Where to post to: of its folder, its address, and whether many records go in one request."""
    body: Callable[[list[str]], bytes]
    """A request's body of completions as JSON text."""
    database: str
    count: str
    """A query for the number of records."""


def ours() -> Collector:
    """``log10-trace serve``."""
    return Collector(
        title=OURSELVES.title,
        version=OURSELVES.version or "",
        command=[sys.executable, "-m", "log10_trace", "serve", "--port", "{port}", "--log-level", "error"],
        variables={"LOG10_HOME": "{folder}", "PYTHONPATH": str(ROOT)},
        health="/healthz",
        target=_our_target,
        body=lambda lines: "\n".join(lines).encode(),
        database="completions.db",
        count="SELECT count(*) FROM completions",
    )


def _our_target(folder: Path, url: str, many: bool) -> Target:
    token = json.loads((folder / "server.json").read_text())["token"]
    path, content_type = (
        ("/api/v1/completions/batch", "application/x-ndjson")
        if many
        else ("/api/v1/completions", "application/json")
    )
    return Target(url, path, {"X-Log10-Token": token, "Content-Type": content_type})


def phoenix(executable: str) -> Collector:
    """Arize Phoenix."""
    return Collector(
        title="Phoenix",
        version=_version(executable, "arize-phoenix"),
        command=[executable, "serve"],
        variables={
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_GRPC_PORT": "{other_port}",
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": "{port}",
            "PHOENIX_SQL_DATABASE_URL": "sqlite:///{folder}/phoenix.db",
            "PHOENIX_WORKING_DIR": "{folder}",
        },
        health="/healthz",
        target=lambda _folder, url, _many: Target(url, "/v1/traces", PROTOBUF),
        body=_spans,
        database="phoenix.db",
        count="SELECT count(*) FROM spans",
    )


def mlflow(executable: str) -> Collector:
    """MLflow's tracking server."""
    return Collector(
        title="MLflow",
        version=_version(executable, "mlflow"),
        command=[
            *(executable, "server", "--host", "127.0.0.1", "--port", "{port}"),
            *("--backend-store-uri", "sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", "{folder}/artifacts"),
        ],
        health="/health",
        target=lambda _folder, url, _many: Target(
            url, "/v1/traces", {**PROTOBUF, "x-mlflow-experiment-id": "0"}
        ),
        body=_spans,
        database="mlflow.db",
        count="SELECT count(*) FROM spans",
    )


PEERS: Final = {"phoenix": phoenix, "mlflow": mlflow}


def found(executables: Mapping[str, str | None]) -> list[Collector]:
    """The peers whose executable was named or is on the PATH."""
    collectors = []
    for name, describe in PEERS.items():
        executable = shutil.which(executables.get(name) or name)
        if executable is None:
            print(f"{name}: not measured, no such executable (--{name} PATH names one)")
        else:
            collectors.append(describe(executable))
    return collectors


def _spans(lines: list[str]) -> bytes:
    return export_request(map(json.loads, lines))


def _version(executable: str, package: str) -> str:
    """The version in the environment that the executable belongs to."""
    python = Path(executable).absolute().parent / "python"
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.check_output([python, "-c", ask], text=True).strip()
