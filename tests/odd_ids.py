"""Ids that records may hold and that a path, a terminal or a proxy may take for something else."""

from __future__ import annotations

from typing import Final

ODD_IDS: Final = (
    "tenant/123", "a/../b", "..", "日本/🦊.json", ".", "/", "a/", "//", "a\\b", "%2F", "a%2fb", "a%00b",
    "100%", "a?b=c&d", "a#b", "a+b;c,d", " a  b ", "report.json", "a.jsonl", ".md", "messages.json", "~",
    "~tenant", "~dGVuYW50LzEyMw", "new", "batch", "lookup", "ungraded", "e\u0301", "'\"<b>&amp;",
    "a\u2028b\u0085c\u202ed", "x", "x" * 512, "🦊" * 512, "/" * 512,
)  # fmt: skip
