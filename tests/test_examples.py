"""The examples run as they are, and their calls arrive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from log10_trace.cli.simulated_model import MODEL, simulated_model
from log10_trace.client import Log10
from tests.processes import environment, server

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


CASES = [
    ("quickstart", 1, "quickstart"),
    ("streaming", 1, "streaming"),
    ("async_tags", 3, "summarize"),
    ("tools", 2, "tools"),
]


@pytest.mark.parametrize(("name", "calls", "tag"), CASES)
def test_an_example_runs_and_its_calls_are_kept(private_home: Path, name: str, calls: int, tag: str) -> None:
    """Each example ends well against OPENAI_BASE_URL, and its calls are stored with their line."""
    script = EXAMPLES / f"{name}.py"
    private_home.mkdir()
    with simulated_model() as base_url, server(private_home) as ours:
        variables = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-none", "OPENAI_MODEL": MODEL}
        done = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            text=True,
            env=environment(private_home, **variables),
            timeout=60,
            check=False,
        )

        with Log10(server_url=ours.url, log10_token=ours.token) as client:
            records = list(client.completions.list(tag=[tag], view="full"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert len(records) == calls
    for record in records:
        assert record.status == "finished"
        assert record.response is not None
        assert record.stacktrace is not None
        assert record.stacktrace[-1].file == str(script)
        assert "create(" in record.stacktrace[-1].line
