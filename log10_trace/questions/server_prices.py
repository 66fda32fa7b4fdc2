"""The prices that answers are charged with: those of the server that is asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from log10_trace.client import Log10
from log10_trace.domain.prices import Prices
from log10_trace.errors import Log10Error, NotFoundError

ENVIRONMENT: Final = "LOG10_PRICES"


def prices_of(client: Log10) -> Prices:
    """The server's table, so that an answer costs what the statistics say; of one without, this machine's.

    This machine's is the file that ``LOG10_PRICES`` names, else the package's own.

    Raises:
        ConfigError: the file is not a price table.
        Log10Error: the server's table cannot be read.
    """
    try:
        table = client.completions.prices().prices.model_dump()
    except NotFoundError:
        path = os.environ.get(ENVIRONMENT)
        return Prices.load(Path(path) if path else None)
    try:
        return Prices.from_document(table)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"The server's price table cannot be read: {error}"
        raise Log10Error(message) from error
