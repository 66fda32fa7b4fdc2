"""``python -m log10_trace``: the command line."""

from __future__ import annotations

import sys

from log10_trace.cli import main

if __name__ == "__main__":
    sys.exit(main())
