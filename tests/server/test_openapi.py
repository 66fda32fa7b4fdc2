"""The document: complete, valid, and true to the running server, as schemathesis finds it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest
from jsonschema.validators import Draft202012Validator

from log10_trace.domain.keys import Scope
from tests.processes import DEADLINE_S
from tests.rounds import rounds
from tests.server.conftest import Server

SETTINGS = """
# A cursor is good only where a page gave it, which no schema says.
[[operations]]
include-operation-id = ["list", "listUngraded", "listSessions"]
checks.positive_data_acceptance.enabled = false

# One of two parameters must be given, which no schema of parameters says.
[[operations]]
include-operation-id = "deleteMany"
checks.positive_data_acceptance.enabled = false

# One bad item of a batch is refused by itself.
[[operations]]
include-operation-id = "createMany"
checks.negative_data_rejection.enabled = false
"""


def findings(server: Server, folder: Path, phases: str, examples: int) -> str:
    """What schemathesis finds in the running server; empty when it finds nothing."""
    token, _ = server.key(f"org-{uuid.uuid4().hex[:8]}", Scope.ADMIN)
    config = folder / "schemathesis.toml"
    config.write_text(SETTINGS)
    arguments = [*("run", f"{server.url}/openapi.json", "--header", f"X-Log10-Token: {token}")]
    arguments += ["--phases", phases, "--seed", "4680", "--max-examples", str(examples)]
    arguments += ["--request-timeout", str(DEADLINE_S)]
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(config),
        "--no-color",
        *arguments,
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


@pytest.mark.slow
def test_schemathesis_finds_nothing(server: Server, tmp_path: Path) -> None:
    """What the document allows is answered as it says, what it forbids is refused, nothing is a 500."""
    found = findings(server, tmp_path, "examples,coverage,fuzzing", rounds(5, thorough=15))

    assert not found, pytest.fail(found)


def test_the_document_is_served_to_anybody_and_its_schemas_are_schemas(server: Server) -> None:
    """The document needs no key, and every schema in it is a JSON Schema."""
    served = httpx.get(f"{server.url}/openapi.json", timeout=DEADLINE_S).json()

    for schema in served["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert served["openapi"].startswith("3.1")
