"""The pages that list what the code has by hand leave nothing out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docs.generate import find_command
from log10_trace.mcp.tools import TOOLS
from log10_trace.models.components import Completion
from tests.docs.pages import DOCS


def first_cells(page: str) -> set[str]:
    """The names in code type in the first cells of a page's tables."""
    rows = re.findall(r"^\| ([^|]+) \|", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("field", Completion.model_fields)
def test_every_field_of_a_record_is_explained(field: str) -> None:
    """``docs/record.md`` has a row for each field of the model."""
    assert field in first_cells("record.md")


def test_every_option_of_serve_is_explained() -> None:
    """``docs/server.md`` says of each option more than the help has room for."""
    command: Any = find_command(["serve"])[0]
    options = {name for each in command.params for name in each.opts if name.startswith("--")}

    assert options - first_cells("server.md") <= {"--help"}


def test_every_tool_of_the_mcp_server_is_explained() -> None:
    """``docs/mcp.md`` says of each tool what it answers."""
    assert first_cells("mcp.md") == set(TOOLS)
