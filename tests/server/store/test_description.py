"""Which database a store is on."""

from __future__ import annotations

import re

from log10_trace.server.store.protocol import Store


def test_a_store_says_which_database_it_is(store: Store) -> None:
    """Kind, version and schema are those of the database that answers."""
    described = store.maintenance.describe()

    assert described.kind == store.maintenance.health().kind
    assert re.fullmatch(r"\d+(\.\d+)+", described.version)
    assert described.schema > 0
