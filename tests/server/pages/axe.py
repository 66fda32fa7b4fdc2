"""axe-core in the browser of the tests: it finds what hinders people with a keyboard or a screen reader."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

from tests.server.pages.chromium import Tab

# The package carries axe-core (MPL-2.0) as one file; nothing else of it is used.
_AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_RUN: Final = """
axe.run(document, { resultTypes: ["violations"], preload: false }).then(({ violations }) =>
  violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id} (${help}): ${html.slice(0, 200)} ${failureSummary}`)))
"""


def find_violations(window: Tab) -> list[str]:
    """What violates a rule of axe-core on the page that is open, by any of its rules."""
    window.run(_AXE)
    found: list[Any] = window.ask(_RUN)
    return found
