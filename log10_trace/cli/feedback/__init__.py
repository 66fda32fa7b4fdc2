"""``log10-trace feedback``: give feedback on calls, and read it."""

from __future__ import annotations

from log10_trace.cli.app import app
from log10_trace.cli.feedback import commands, grade
from log10_trace.cli.feedback.group import group

__all__ = ["commands", "grade"]

app.add_typer(group, name="feedback")
