"""Sphinx reads the Markdown of this folder: ``sphinx-build -W docs docs/_build``."""

from __future__ import annotations

from log10_trace import __version__

project = "log10_trace"
release = __version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"log10_trace {release}"
exclude_patterns = ["_build"]
highlight_language = "none"  # a block without a language is a terminal's
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
# Files beside docs/ are linked as they are read on a forge; Sphinx knows only its own pages.
suppress_warnings = ["myst.xref_missing"]
