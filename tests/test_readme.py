"""The README says what is true: its table of settings is the table of options."""

from __future__ import annotations

import re
from pathlib import Path

from log10_trace.config import MIB, OPTIONS, Option

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def shown_default(option: Option) -> str:
    if option.name == "spool_dir" or option.default in (None, (), {}):
        return ""
    if isinstance(option.default, bool):
        return "yes" if option.default else "no"
    if option.name.endswith("_bytes"):
        return f"{option.default // MIB} MiB"
    return f"{option.default:g}"


def settings_table() -> str:
    """The table of settings as the README has it."""
    rows = ["| argument | environment | default | meaning |", "|---|---|---|---|"]
    for option in OPTIONS:
        env = f"`{option.env}`" if option.env else ""
        rows.append(f"| `{option.name}` | {env} | {shown_default(option)} | {option.meaning} |")
    return "\n".join(rows)


def between(mark: str) -> str:
    found = re.search(f"<!-- {mark} -->\n(.*?)\n?<!-- /{mark} -->", README, re.DOTALL)
    assert found is not None, f"the README has no part marked {mark}"
    return found[1]


def test_the_table_of_settings_is_the_table_of_options() -> None:
    """Every option stands in the README with its variable, default and meaning."""
    assert between("settings") == settings_table()


def test_both_commands_bring_their_own_environment() -> None:
    """The demo's and the tests' commands start from nothing but Python and a clone."""
    for mark in ("demo", "tests"):
        assert "python3 -m venv .venv" in between(mark)
