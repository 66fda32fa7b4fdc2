"""The facts of records that match a filter, and what they add up to."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.domain.charges import Charge
from log10_trace.server.store.common.aggregates import aggregate_call, sum_aggregates
from log10_trace.server.store.common.columns import RecordFacts
from log10_trace.server.store.common.counted import Counted, read_counted
from log10_trace.server.store.common.group_sums import sum_records
from log10_trace.server.store.common.statistics_of_matches import FACTS, read_facts

DAY_MINUTES: Final = 1440
_TOKENS: Final = st.none() | st.integers(0, 1 << 53)
_SECONDS: Final = st.none() | st.floats(0, 1e9)
_CHARGES: Final = st.lists(
    st.tuples(st.sampled_from(["gpt-4o", "o3", "gpt-4o#audio"]), *[st.integers(0, 1 << 53)] * 3),
    min_size=1,
    unique_by=lambda charge: charge[0],
)
_WRITTEN: Final = (
    st.none()
    | _CHARGES.map(json.dumps)
    | st.fixed_dictionaries({"rules": st.integers(1, 3), "first_token": _SECONDS, "charges": _CHARGES}).map(
        json.dumps
    )
)
"""The column ``charges`` as all versions have written it."""
_ROWS: Final = st.tuples(
    st.integers(0, 3 * DAY_MINUTES * 60_000),
    *(st.sampled_from(["started", "finished", "failed"]), st.none() | st.just("gpt-4o")),
    *[st.none() | st.sampled_from(["", "a", "b:c"])] * 4,
    *(_SECONDS, _TOKENS, _TOKENS, _WRITTEN, st.none()),
)


def facts_of(row: tuple[Any, ...]) -> RecordFacts:
    """The facts of one record, read by themselves, with an object for each charge."""
    columns = dict(zip(FACTS, row[1:], strict=True))
    given_tokens, made = columns["input_tokens"], columns["output_tokens"]
    counted = Counted(columns["model"], given_tokens, made, columns["charges"])
    _, first_token, charges = read_counted(counted)
    return RecordFacts(
        began_ms=row[0],
        status=columns["status"],
        model=columns["model"],
        session_id=columns["session_id"],
        failure_kind=columns["failure_kind"],
        call_site=f"{columns['file']}:{columns['function']}" if columns["file"] else None,
        duration=columns["duration"],
        first_token=first_token,
        tokens=made if given_tokens is None else given_tokens,
        charges=charges,
        tags=(),
        metadata=(),
    )


@settings(max_examples=40)
@given(st.lists(_ROWS, max_size=6))
def test_facts_read_together_are_those_of_each_record(rows: list[tuple[Any, ...]]) -> None:
    """However a version wrote what a record was counted as, its facts are the same read with others."""
    found = read_facts(rows, int, "groups")

    same = [one._replace(charges=tuple(Charge(*each) for each in one.charges)) for one in found]
    assert same == [facts_of(row) for row in rows]


@settings(max_examples=40)
@given(st.lists(_ROWS, max_size=6), st.sampled_from([0, 60, DAY_MINUTES]))
def test_records_add_up_to_what_each_counts_as(rows: list[tuple[Any, ...]], width: int) -> None:
    """The sums of records, of all of them and of each step of time, are those of their own sums."""
    facts = [facts_of(row) for row in rows]

    totals, steps = sum_records("none", read_facts(rows, int, "groups"), width)

    expected = sum_aggregates([aggregate_call(one) for one in facts])
    assert [total.total() for total in totals.values()] == ([expected.total()] if rows else [])
    assert [total.durations for total in totals.values()] == ([expected.durations] if rows else [])
    starts = {one.began_ms // 60_000 // width * width for one in facts} if width else set()
    assert {start for _, start in steps} == starts
    for (key, start), one in steps.items():
        within = [each for each in facts if start <= each.began_ms // 60_000 < start + width]
        of_step = sum_aggregates([aggregate_call(each) for each in within])
        assert key == ""
        assert {rate: list(counts) for rate, counts in one.counts.items()} == {
            rate: list(counts) for rate, counts in of_step.counts.items()
        }
        assert one.durations == of_step.durations
