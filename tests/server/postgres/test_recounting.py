"""Records that an earlier version counted are counted anew, many together."""

from __future__ import annotations

import json
from contextlib import closing

from log10_trace.server.store import open_store
from log10_trace.server.store.common.columns import COUNTING
from log10_trace.server.store.postgres.connections import connect, settings
from log10_trace.server.store.postgres.housekeeping import recount_records
from tests.server.store.factories import completion, put_all


def test_a_record_that_cannot_be_read_costs_no_other(postgres_url: str) -> None:
    """It stays as it was counted; those beside it are counted by the rules of now, and none waits on."""
    with closing(open_store(postgres_url)) as store:
        put_all(store, [completion(id=name) for name in ("a", "broken", "c")])
    with connect(settings(postgres_url)) as connection:
        connection.execute("UPDATE completions SET charges = '[[\"gpt-4o\", 10, 5, 0]]'")
        connection.execute("UPDATE completions SET body = 'no zlib' WHERE id = 'broken'")
        connection.execute(
            "INSERT INTO waiting_counts SELECT organization_id, id, placed_ms FROM completions"
        )

        recount_records(connection)

        rows = connection.execute("SELECT id, charges FROM completions ORDER BY id").fetchall()
        waiting = connection.execute("SELECT count(*) FROM waiting_counts").fetchone()
    assert waiting == (0,)
    assert [(name, json.loads(text)) for name, text in rows if name == "broken"] == [
        ("broken", [["gpt-4o", 10, 5, 0]])
    ]
    assert [json.loads(text)["rules"] for name, text in rows if name != "broken"] == [COUNTING, COUNTING]
