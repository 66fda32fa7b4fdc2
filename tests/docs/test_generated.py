"""The generated parts of the documentation are what the code gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import PART, PARTS, fill
from tests.docs.pages import PAGES

GENERATED = [page for page in PAGES if PART.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_a_generated_part_is_up_to_date(page: Path) -> None:
    """``python docs/generate.py`` would change nothing."""
    text = page.read_text(encoding="utf-8")

    assert fill(text) == text


def test_each_part_stands_on_one_page() -> None:
    """Nothing that is generated is left out, or said twice."""
    named = [found[2] for page in GENERATED for found in PART.finditer(page.read_text(encoding="utf-8"))]

    assert sorted(named) == sorted(PARTS)
