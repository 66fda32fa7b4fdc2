"""The deployment examples: what they say exists."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[1] / "examples" / "deploy"
FILES = sorted(DEPLOY.iterdir())
COMMAND = re.compile(r"log10-trace (serve|prune|keys create)((?: +--[a-z][-\w]* ?[^-`\n\"']*)*)")


def commands(text: str) -> set[tuple[str, str]]:
    """Each command of ours in the text with one of its options."""
    text = re.sub(r'[",\[\]]+', " ", text)
    text = re.sub(r" +", " ", text)
    return {
        (found[1], option)
        for found in COMMAND.finditer(text)
        for option in re.findall(r"--[a-z-]+", found[2])
    }


ALL = sorted(set().union(*(commands(file.read_text()) for file in FILES)))


@pytest.mark.parametrize(("command", "option"), ALL)
def test_every_option_that_is_named_exists(command: str, option: str) -> None:
    """No example names an option that the command does not have."""
    arguments = [sys.executable, "-m", "log10_trace", *command.split(), "--help"]
    said = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env={"COLUMNS": "200", "TERM": "dumb"}
    )

    assert option in said.stdout


def test_the_unit_runs_the_server_as_a_user_of_its_own() -> None:
    """The unit starts ``serve`` without privileges, with a folder that is its own alone."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "log10-trace.service")
    service = unit["Service"]

    assert shlex.split(service["ExecStart"])[1:3] == ["serve", "--host"]
    assert service["User"] != "root"
    assert (service["StateDirectoryMode"], service["UMask"], service["NoNewPrivileges"]) == (
        "0700",
        "0077",
        "yes",
    )


def test_the_examples_were_found() -> None:
    """The options above are not an empty list."""
    assert {"serve", "keys create"} <= {command for command, _ in ALL}
