"""The README is short, and its commands start from nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import links

PAGE = Path(__file__).resolve().parents[1] / "README.md"
README = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_both_commands_bring_their_own_environment(mark: str) -> None:
    """The demo's and the tests' commands start from nothing but Python and a clone."""
    found = re.search(f"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", README, re.DOTALL)

    assert found is not None
    assert "python3 -m venv .venv" in found[1]


def test_it_is_read_in_two_minutes() -> None:
    """At most 180 lines; everything else is in the documentation, which it leads to."""
    assert len(README.splitlines()) <= 180
    assert any(link.startswith("docs/") for link in links(PAGE))
