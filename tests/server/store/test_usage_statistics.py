"""Statistics, sessions and sources: counted as records come, change and go."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from log10_trace.domain.prices import Prices
from log10_trace.domain.prompt_digests import digest_prompt
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store import open_store
from log10_trace.server.store.address import is_clickhouse
from log10_trace.server.store.common import group_sums, usage_statistics
from log10_trace.server.store.common.rollups import ALL_TIME, WIDTHS
from log10_trace.server.store.common.usage_statistics import count_steps
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupBy,
    GroupTotals,
    SourceReport,
    StatisticsQuery,
)
from log10_trace.server.store.errors import CursorError
from log10_trace.server.store.postgres import connections as postgres_connections
from log10_trace.server.store.postgres import rollup_compaction as postgres_compaction
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.sqlite import connection as sqlite_connection
from log10_trace.server.store.sqlite import rollup_compaction as sqlite_compaction
from tests.processes import until
from tests.server.store.factories import (
    MINUTE_MS,
    NOON_MS,
    ORG,
    OTHER,
    answer,
    asked,
    completion,
    ids,
    put,
    put_all,
)
from tests.server.store.test_listing import at, frame

HOUR_MS = 60 * MINUTE_MS


def groups(store: Store, group_by: GroupBy = "none", **span: Any) -> list[GroupTotals]:
    """The groups of the organization's statistics."""
    return list(store.reports.statistics(ORG, StatisticsQuery(group_by=group_by, **span)).groups)


def calls(store: Store, group_by: GroupBy = "none", **span: Any) -> dict[str | None, int]:
    """How many calls there are of each group."""
    return {group.key: group.calls for group in groups(store, group_by, **span)}


def test_calls_tokens_failures_and_cost_add_up(store: Store) -> None:
    """Statistics count what the records say, and price it by the table."""
    put_all(
        store,
        [
            completion(response=answer("yes", 1_000_000, 100_000)),
            completion(response=answer("no", 0, 100_000)),
            completion(status="failed", response=..., failure_kind="APITimeoutError"),
        ],
    )

    (total,) = groups(store)

    assert (total.calls, total.failed, total.input_tokens, total.output_tokens) == (3, 1, 1_000_000, 200_000)
    assert total.cost == pytest.approx(4.5)
    assert total.unpriced == 0


def test_failures_and_first_tokens_are_counted(store: Store) -> None:
    """Failures are groups by their kind; the time to the first token has percentiles of its own."""
    failed: dict[str, Any] = {"status": "failed", "response": ...}
    put_all(
        store,
        [
            *(completion(duration=4.0, time_to_first_token=seconds) for seconds in (0.1, 0.2, 0.2, 9.0)),
            completion(duration=1.0, time_to_first_token="soon"),
            completion(**failed, failure_kind="RateLimitError"),
            completion(**failed, failure_kind="RateLimitError", tags=["a"]),
            completion(**failed),
        ],
    )

    (total,) = groups(store)
    assert total.first_token_p50 == pytest.approx(0.2, rel=0.05)
    assert total.first_token_p95 == pytest.approx(9.0, rel=0.05)
    assert (total.p50, total.p99) == (pytest.approx(4.0, rel=0.05), pytest.approx(4.0, rel=0.05))
    assert calls(store, "failure") == {"RateLimitError": 2, "": 1}
    assert groups(store, "tag")[0].first_token_p50 is None


def test_cached_tokens_cost_less(store: Store) -> None:
    """Input tokens that the provider had in its cache are priced as such."""
    response = answer("yes", 1_000_000, 0)
    response["usage"]["prompt_tokens_details"] = {"cached_tokens": 400_000}
    put(store, completion(response=response))

    assert groups(store)[0].cost == pytest.approx(0.6 * 2.5 + 0.4 * 1.25)


def test_an_unknown_model_is_unknown_and_not_free(store: Store) -> None:
    """Without a price there is no cost, and the calls that are missing in a sum are counted."""
    put(store, completion(request=asked("hi", model="in-house")))
    assert groups(store)[0].cost is None

    put(store, completion(response=answer("yes", 1_000_000, 0)))

    total = groups(store)[0]
    assert total.cost == pytest.approx(2.5)
    assert total.unpriced == 1


@pytest.mark.parametrize(
    ("fields", "usage", "dollars"),
    [
        ({"model": "gpt-4o-2024-05-13"}, {}, 20.0),
        ({"model": "openai/gpt-4o-mini"}, {}, 0.75),
        ({"model": "gpt-5-nano", "service_tier": "flex"}, {}, 0.225),
        ({"model": "gpt-4o", "service_tier": "priority"}, {}, 21.25),
        (
            {"model": "gpt-4o-audio-preview"},
            {
                "prompt_tokens_details": {"audio_tokens": 500_000},
                "completion_tokens_details": {"audio_tokens": 1_000_000},
            },
            0.5 * 2.5 + 0.5 * 40 + 80,
        ),
    ],
)
def test_cost_is_of_what_answered(
    store: Store, fields: dict[str, Any], usage: dict[str, Any], dollars: float
) -> None:
    """Cost is of the model, tier and tokens of the response; groups are by the model that was asked for."""
    response = answer("yes", 1_000_000, 1_000_000) | fields
    response["usage"] |= usage
    record = completion(request=asked("hi", model="gpt-4"), response=response)
    put_all(store, [record, completion(request=asked("hi", model="gpt-4"), response=...)])

    (group,) = groups(store, "model")
    assert (group.key, group.calls, group.input_tokens, group.output_tokens) == (
        "gpt-4",
        2,
        1_000_000,
        1_000_000,
    )
    assert (group.cost, group.unpriced) == (pytest.approx(dollars), 0)

    assert store.completions.delete_one(ORG, str(record.id)).result()

    (left,) = groups(store, "model")
    assert (left.calls, left.input_tokens, left.cost, left.unpriced) == (1, 0, None, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "in-house"},
        {"service_tier": "scale"},
        {"usage": {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"audio_tokens": 9}}},
    ],
)
def test_what_the_table_does_not_price_is_counted_once(store: Store, fields: dict[str, Any]) -> None:
    """A model, tier or kind of tokens without a price makes the call one without a price."""
    put_all(
        store, [completion(response=answer("yes", 1_000_000, 0)), completion(response=answer("yes") | fields)]
    )

    (total,) = groups(store)

    assert (total.cost, total.unpriced) == (pytest.approx(2.5), 1)


def test_percentiles_are_within_five_percent(store: Store) -> None:
    """Percentiles from roll-ups come close to those of the durations themselves."""
    put_all(store, [completion(duration=number / 100) for number in range(1, 101)])

    total = groups(store)[0]

    assert total.p50 == pytest.approx(0.50, rel=0.06)
    assert total.p95 == pytest.approx(0.95, rel=0.06)
    assert total.p99 == pytest.approx(0.99, rel=0.06)


def test_without_durations_there_are_no_percentiles(store: Store) -> None:
    """A running call counts, and has no duration yet."""
    put(store, completion(status="started", response=..., duration=...))

    assert groups(store)[0].p50 is None


def test_groups_are_by_what_was_asked(store: Store) -> None:
    """Statistics are given by model, tag, call site or session, most calls first."""
    site = [frame("main.py", "run"), frame("shop.py", "checkout")]
    put_all(
        store,
        [
            completion(tags=["x", "y"], session_id="s", stacktrace=site),
            completion(tags=["y"], session_id="t", request=asked("hi", model="o3-mini")),
            completion(tags=["y"], session_id="t", request=asked("hi", model="o3-mini")),
        ],
    )

    assert calls(store, "model") == {"o3-mini": 2, "gpt-4o": 1}
    assert [group.key for group in groups(store, "tag")] == ["y", "x"]
    assert calls(store, "tag") == {"y": 3, "x": 1}
    assert calls(store, "call_site") == {"shop.py:checkout": 1}
    assert calls(store, "session") == {"t": 2, "s": 1}


@pytest.mark.parametrize(
    ("group_by", "key"),
    [("tag", "x"), ("session", "s"), ("call_site", "shop.py:checkout"), ("model", "gpt-4o")],
)
def test_one_group_can_be_asked_for_by_its_key(store: Store, group_by: GroupBy, key: str) -> None:
    """The answer and its series hold that group alone, and nothing when there is none."""
    site = [frame("shop.py", "checkout")]
    put(store, completion(tags=["x", "y"], session_id="s", stacktrace=site))
    put_all(store, [completion(tags=["y"], request=asked("hi", model="o3-mini")) for _ in range(2)])

    found = store.reports.statistics(ORG, StatisticsQuery(group_by=group_by, keys=(key,)))

    assert [(group.key, group.calls) for group in found.groups] == [(key, 1)]
    assert {step.key for step in found.series} == {key}
    assert calls(store, group_by, keys=("none of these",)) == {}


@pytest.mark.parametrize("group_by", ["none", "model"])
@pytest.mark.parametrize(
    ("since_min", "until_min", "expected"),
    [
        (None, None, 6), (0, None, 6), (None, 0, 0), (0, 1, 1), (1, 60, 1), (1, 61, 2), (0, 1441, 4),
        (60, 1440, 1), (59, 4000, 3), (1440, 1441, 1), (1441, 2880, 0), (1441, 2881, 1), (5000, None, 1),
        (6000, None, 0), (-10_000, 10_000, 6), (10, 5, 0),
    ],
)  # fmt: skip
def test_a_span_is_counted_to_the_minute(
    store: Store, group_by: GroupBy, since_min: int | None, until_min: int | None, expected: int
) -> None:
    """Whatever roll-ups a span is cut into, it holds the calls that began in it."""
    put_all(store, [completion(created_at=at(minute)) for minute in (0, 1, 60, 1440, 2880, 5000)])
    span = {
        "since_ms": None if since_min is None else NOON_MS + since_min * MINUTE_MS,
        "until_ms": None if until_min is None else NOON_MS + until_min * MINUTE_MS,
    }

    assert sum(calls(store, group_by, **span).values()) == expected


def test_a_series_has_a_step_for_every_interval_with_calls(store: Store) -> None:
    """A series gives each step's own sums, in order of time."""
    put_all(store, [completion(created_at=at(minute)) for minute in (0, 1, 59, 60, 200)])

    series = store.reports.statistics(ORG, StatisticsQuery(interval="hour")).series

    assert [(step.start_ms, step.calls) for step in series] == [
        (NOON_MS, 3),
        (NOON_MS + HOUR_MS, 1),
        (NOON_MS + 3 * HOUR_MS, 1),
    ]


def test_a_series_is_grouped_like_the_totals(store: Store) -> None:
    """Each step of a grouped series belongs to one group."""
    put_all(store, [completion(tags=["x"]), completion(tags=["x", "y"], created_at=at(1))])

    series = store.reports.statistics(ORG, StatisticsQuery(group_by="tag", interval="minute")).series

    assert [(step.key, step.start_ms) for step in series] == [
        ("x", NOON_MS),
        ("x", NOON_MS + MINUTE_MS),
        ("y", NOON_MS + MINUTE_MS),
    ]


@pytest.mark.parametrize(("groups", "steps"), [(1, 1_500), (2, 1_500), (5, 600), (6, 500)])
def test_a_series_is_as_long_as_can_be_given(groups: int, steps: int) -> None:
    """One series has up to 1,500 steps, those of several groups 3,000 together."""
    assert count_steps(groups) == steps


def test_the_latest_steps_are_given(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a series would be too long, its beginning is left out; the totals are those of the whole span."""
    monkeypatch.setattr(usage_statistics, "SERIES_STEPS", 2)
    put_all(store, [completion(created_at=at(minute)) for minute in (0, 60, 61, 120, 121, 122)])

    found = store.reports.statistics(ORG, StatisticsQuery(interval="hour"))

    assert [step.calls for step in found.series] == [2, 3]
    assert found.groups[0].calls == 6


def test_steps_of_whole_days_are_those_that_are_read_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A series that follows from the roll-ups of the totals is the series that its steps give."""
    put_all(
        store,
        [completion(created_at=at(minute), duration=minute / 60) for minute in (0, 700, 800, 2_400, 5_000)],
    )
    since_ms = NOON_MS - NOON_MS % DAY_MS
    queries = [
        StatisticsQuery(group_by=group_by, since_ms=since_ms, until_ms=until_ms, interval="day")
        for group_by in ("none", "model")
        for until_ms in (None, since_ms + 2 * DAY_MS)
    ]

    found = [store.reports.statistics(ORG, query) for query in queries]
    monkeypatch.setattr(group_sums, "_are_steps", lambda *_: False)

    assert [len(each.series) for each in found] == [4, 2, 4, 2]
    assert found == [store.reports.statistics(ORG, query) for query in queries]


@pytest.mark.parametrize("until", [None, 5_741])
@pytest.mark.parametrize("since", [1, 59, 661, 779, 1_439])
def test_a_span_that_begins_at_any_minute_is_the_sum_of_its_calls(
    store: Store, since: int, until: int | None
) -> None:
    """What roll-ups add up to, or less what they have too much, is what the records of the span add up to."""
    minutes = (0, 1, 58, 59, 60, 660, 661, 662, 778, 779, 1_400, 1_439, 3_000, 5_000, 5_740, 5_741, 6_000)
    put_all(
        store,
        [
            completion(
                created_at=at(minute),
                duration=1 + minute / 60,
                request=asked("hi", model=("gpt-4o", "o3-mini")[minute % 2]),
                **({"status": "failed", "failure_kind": "APIError"} if minute % 3 else {}),
            )
            for minute in minutes
        ],
    )
    since_ms = NOON_MS + since * MINUTE_MS
    span = CompletionFilter(
        since_ms=since_ms, until_ms=None if until is None else NOON_MS + until * MINUTE_MS
    )

    for group_by in ("none", "model", "failure"):
        query = StatisticsQuery(group_by=group_by, wanted=span, series_groups=0)
        one_by_one = replace(query, wanted=replace(span, kind="chat"))
        assert store.reports.statistics(ORG, query).groups == store.reports.statistics(ORG, one_by_one).groups


def test_steps_may_go_without_percentiles(store: Store) -> None:
    """All else of the steps is as it is with them, and the totals have theirs."""
    put_all(store, [completion(created_at=at(minute), duration=2.0) for minute in (0, 70)])

    whole = store.reports.statistics(ORG, StatisticsQuery(group_by="model"))
    brief = store.reports.statistics(ORG, StatisticsQuery(group_by="model", with_step_percentiles=False))

    assert brief.groups == whole.groups
    assert brief.series == tuple(step._replace(p50=None, p95=None, p99=None) for step in whole.series)
    assert whole.series[0].p50 is not None


def test_a_record_that_changes_is_counted_as_it_is_now(store: Store) -> None:
    """A call that was seen running and then ended is one call, with the end's figures."""
    put(store, completion(id="a", status="started", response=..., tags=["x"]))
    put(store, completion(id="a", duration=2.0, tags=["x"]))
    put(store, completion(id="a", duration=2.0, tags=["x"]))

    (total,) = groups(store, "tag")

    assert (total.calls, total.input_tokens) == (1, 10)
    assert total.p50 == pytest.approx(2.0, rel=0.06)


def test_a_deleted_record_is_not_counted(store: Store) -> None:
    """Statistics are those of the records that are there."""
    put_all(store, [completion(id="a", tags=["x"], session_id="s"), completion(id="b", tags=["y"])])
    store.completions.delete_one(ORG, "a").result()

    assert calls(store, "tag") == {"y": 1}
    assert calls(store, "session") == {}
    assert calls(store, interval="minute") == {None: 1}
    assert store.reports.tags(ORG) == ["y"]


def test_another_organization_is_not_counted(store: Store) -> None:
    """Statistics, tags, sessions and sources of one organization hold nothing of another's."""
    put(store, completion(tags=["theirs"], session_id="s", source="p", sequence=1), OTHER)

    assert groups(store) == []
    assert store.reports.tags(ORG) == []
    assert store.sessions.page(ORG, limit=10).items == ()
    assert store.sessions.get(ORG, "s") is None
    assert store.reports.sources(ORG) == []
    assert store.reports.source(ORG, "p") is None


def test_metadata_is_counted_by_key_and_value(store: Store) -> None:
    """A key of metadata is a dimension: cost per user; a call without the key is in none of its groups."""
    for number, user in enumerate(("ada", "ada", 7, None)):
        metadata = {"plan": "pro"} if user is None else {"plan": "pro", "user_id": user}
        put(store, completion(id=f"c{number}", metadata=metadata, response=answer("x", 1_000_000, 0)))

    assert {each.key: each.calls for each in groups(store, "metadata.user_id")} == {"ada": 2, "7": 1}
    assert [each.cost for each in groups(store, "metadata.user_id")] == [
        pytest.approx(5.0),
        pytest.approx(2.5),
    ]
    assert {each.key: each.calls for each in groups(store, "metadata.plan")} == {"pro": 4}
    assert groups(store, "metadata.nobody") == groups(store, "tag") == store.reports.tags(ORG) == []

    put(store, completion(id="c0", metadata={"user_id": 7}, request=..., response=...))
    assert {each.key: each.calls for each in groups(store, "metadata.user_id")} == {"7": 2, "ada": 1}
    assert ids(store, CompletionFilter(metadata=("user_id=ada",))) == ["c1"]
    store.completions.delete(ORG, CompletionFilter(metadata=("user_id=7",))).result()
    assert {each.key: each.calls for each in groups(store, "metadata.user_id")} == {"ada": 1}


def test_long_values_of_metadata_are_told_apart(store: Store) -> None:
    """Values that are longer than an index of PostgreSQL takes are found and counted each for itself."""
    long = "ä" * 500
    put(store, completion(id="one", metadata={"user": f"{long}1", "text": "x" * 513}))
    put(store, completion(id="two", metadata={"user": f"{long}2"}))

    assert ids(store, CompletionFilter(metadata=(f"user={long}1",))) == ["one"]
    assert [each.calls for each in groups(store, "metadata.user")] == [1, 1]
    assert groups(store, "metadata.text") == []


def test_tags_are_listed_by_their_beginning(store: Store) -> None:
    """Tags in use are given in order, each once, as many as asked for."""
    put_all(store, [completion(tags=["beta", "alpha", "alp%"]), completion(tags=["alpha", "gamma"])])

    assert store.reports.tags(ORG) == ["alp%", "alpha", "beta", "gamma"]
    assert store.reports.tags(ORG, prefix="alp") == ["alp%", "alpha"]
    assert store.reports.tags(ORG, prefix="alp%") == ["alp%"]
    assert store.reports.tags(ORG, limit=1) == ["alp%"]


def test_a_session_is_its_calls(store: Store) -> None:
    """A session that a call names is there, with its span and its sums."""
    put_all(
        store,
        [
            completion(session_id="s", created_at=at(5), response=answer("x", 1_000_000, 0)),
            completion(session_id="s", created_at=at(1), status="failed", response=...),
        ],
    )

    session = store.sessions.get(ORG, "s")

    assert session is not None
    assert (session.calls, session.failed, session.input_tokens) == (2, 1, 1_000_000)
    assert (session.first_ms, session.last_ms) == (NOON_MS + MINUTE_MS, NOON_MS + 5 * MINUTE_MS)
    assert session.cost == pytest.approx(2.5)


def test_a_session_can_be_made_before_its_first_call(store: Store) -> None:
    """Asking for a session gives an id that is listed at once, with no calls."""
    session_id = store.sessions.create(ORG).result()

    (listed,) = store.sessions.page(ORG, limit=10).items

    assert (listed.id, listed.calls, listed.cost) == (session_id, 0, None)


def test_sessions_are_paged_latest_first(store: Store) -> None:
    """Pages of sessions put together hold each once, the one with the latest call first."""
    put_all(store, [completion(session_id=f"s{number}", created_at=at(number % 3)) for number in range(7)])
    found, cursor = [], None
    while True:
        one = store.sessions.page(ORG, limit=2, cursor=cursor)
        found += [(session.last_ms, session.id) for session in one.items]
        if (cursor := one.next_cursor) is None:
            break

    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found) == 7
    with pytest.raises(CursorError):
        store.sessions.page(ORG, limit=1, cursor="nonsense")


@pytest.mark.parametrize(
    ("sequences", "count", "last", "missing"),
    [
        ([1, 2, 3], 3, 3, ()),
        ([3, 1, 2], 3, 3, ()),
        ([2], 1, 2, ((1, 1),)),
        ([1, 5, 3, 9], 4, 9, ((2, 2), (4, 4), (6, 8))),
        ([1, 1, 2, 2], 2, 2, ()),
    ],
)
def test_a_source_says_what_never_arrived(
    store: Store, sequences: list[int], count: int, last: int, missing: tuple[tuple[int, int], ...]
) -> None:
    """From the sequence numbers of a process its missing records can be named, in whatever order."""
    for sequence in sequences:
        put(store, completion(source="p", sequence=sequence))

    report = SourceReport(source="p", count=count, last=last, missing=missing)
    assert store.reports.source(ORG, "p") == report
    assert store.reports.sources(ORG) == [report]


def test_a_deleted_record_is_not_missing(store: Store) -> None:
    """Deleting a record does not make it look as if it had been lost on the way."""
    put_all(store, [completion(source="p", sequence=number) for number in (1, 2, 3)])
    store.completions.delete(ORG, CompletionFilter()).result()

    report = store.reports.source(ORG, "p")

    assert report is not None
    assert (report.count, report.missing) == (3, ())


def run_sql(store_url: str, *statements: str) -> None:
    """Run statements on the database of a store that is closed."""
    is_postgres = store_url.startswith("postgresql")
    connection: Any = psycopg.connect(store_url) if is_postgres else sqlite3.connect(store_url)
    with closing(connection), connection:
        for statement in statements:
            connection.execute(statement)


def test_what_an_earlier_version_counted_is_taken_away_as_it_was_counted(rollup_store_url: str) -> None:
    """A record that was counted by its request's model, or without its usage, leaves nothing behind."""
    usage = {"prompt_tokens": 1_000_000, "prompt_tokens_details": {"cached_tokens": 9}}
    answered = {"model": "gpt-4o", "usage": usage}
    elsewhere = {"model": "gpt-4o", "choices": [{"index": 0, "usage": usage}]}
    chat = asked("hi", model="our-chat")
    responses = {"a": answered, "b": answered, "c": elsewhere}
    with closing(open_store(rollup_store_url)) as store:
        put_all(store, [completion(id=name, request=chat, response=each) for name, each in responses.items()])
    counts, minute = '{"our-chat":[3, 0, 2, 2000000, 0, 18]}', NOON_MS // MINUTE_MS
    run_sql(
        rollup_store_url,
        "UPDATE completions SET charges = NULL",
        "UPDATE completions SET tokens = NULL, input_tokens = NULL, output_tokens = NULL WHERE id = 'c'",
        "DELETE FROM rollup_deltas",
        "DELETE FROM rollups",
        *(
            "INSERT INTO rollups (organization_id, dimension, width, start, key, calls, counts, durations)"
            f" VALUES ('{ORG}', '{dimension}', {width}, {minute - minute % width if width else 0}, '{key}',"
            f" 3, '{counts}', '[]')"
            for dimension, key in (("none", ""), ("model", "our-chat"))
            for width in (ALL_TIME, *WIDTHS)
        ),
    )

    with closing(open_store(rollup_store_url)) as store:
        assert (groups(store)[0].cost, groups(store)[0].unpriced) == (None, 2)

        put(store, completion(id="a", tags=["t"], request=..., response=...))
        for each in (*groups(store), *groups(store, "model"), *groups(store, since_ms=NOON_MS)):
            assert (each.calls, each.cost, each.unpriced) == (3, pytest.approx(2.5, rel=1e-4), 1)

        assert store.completions.delete_one(ORG, "b").result()
        assert store.completions.delete_one(ORG, "c").result()
        (total,) = groups(store)
        assert (total.calls, total.input_tokens, total.unpriced) == (1, 1_000_000, 0)

        assert store.completions.delete_one(ORG, "a").result()
        assert groups(store) == groups(store, "model") == []


def test_what_an_earlier_version_counted_is_counted_anew(rollup_store_url: str) -> None:
    """In the background failures and metadata become groups, first tokens are counted, prompts are found."""
    failed: dict[str, Any] = {"status": "failed", "response": ..., "failure_kind": "RateLimitError"}
    dimensions = ("none", "model", "tag", "call_site", "session", "failure", "metadata.user_id")
    with closing(open_store(rollup_store_url)) as store:
        put_all(
            store,
            [
                completion(
                    id="a", time_to_first_token=0.2, duration=1.0, tags=["t"], metadata={"user_id": 42}
                ),
                completion(id="d", metadata={"user_id": 42, "plan": "pro"}),
                completion(id="e"),
                completion(id="b", session_id="s", **failed),
                completion(id="c", time_to_first_token=0.2),
            ],
        )
        assert store.completions.delete_one(ORG, "c").result()
        of_user = CompletionFilter(metadata=("user_id=42",))
        asks_the_same = CompletionFilter(prompt_digest=digest_prompt(["How are you?"]))
        expected = {by: groups(store, by) for by in dimensions}
        sessions = store.sessions.page(ORG, limit=9).items
    tables = ("rollups", "rollup_deltas")
    is_postgres = "://" in rollup_store_url
    run_sql(
        rollup_store_url,
        "UPDATE completions SET prompt_digest = NULL",
        """UPDATE completions SET charges = '[["gpt-4o", 10, 5, 0]]' WHERE id = 'a'""",
        """UPDATE completions SET charges = '[["gpt-4o", 0, 0, 0]]' WHERE id = 'b'""",
        *(f"UPDATE {table} SET durations = '[73, 1]' WHERE durations LIKE '%-%'" for table in tables),
        *(f"DELETE FROM {table} WHERE dimension = 'failure'" for table in tables),
        *(f"DELETE FROM {table} WHERE dimension LIKE 'metadata.%'" for table in tables),
        """UPDATE completions SET charges = replace(charges, '"rules":3', '"rules":2') WHERE id >= 'd'""",
        f"DELETE FROM {'completion_tags' if is_postgres else 'tags'} WHERE tag LIKE '%user_id=42'",
        "INSERT INTO waiting_counts SELECT organization_id, id, placed_ms FROM completions"
        if is_postgres
        else "INSERT INTO uncounted SELECT position FROM completions",
    )

    with closing(open_store(rollup_store_url)) as store:
        until(lambda: groups(store, "failure") == expected["failure"], "the records are counted anew")
        assert {by: groups(store, by) for by in dimensions} == expected
        assert sorted(ids(store, asks_the_same)) == ["a", "b", "d"]
        until(lambda: sorted(ids(store, of_user)) == ["a", "d"], "metadata is found")
        assert store.sessions.page(ORG, limit=9).items == sessions
        store.completions.delete(ORG, CompletionFilter()).result()
        assert not any(groups(store, by) for by in dimensions)


def fold(store_url: str) -> None:
    """Add all that was noted to the roll-ups, where there are any."""
    if is_clickhouse(store_url):
        return
    if store_url.startswith("postgres"):
        with postgres_connections.connect(postgres_connections.settings(store_url)) as connection:
            postgres_compaction.compact(connection, Prices.load())
    else:
        with closing(sqlite_connection.connect(Path(store_url), can_write=True)) as connection:
            sqlite_compaction.compact_all(connection, Prices.load())


def put_a_rare_and_dear_call(store: Store) -> None:
    """Two calls of each of 120 tags, which cost little, and one of another tag, which costs most."""
    cheap = [f"t{number:03d}" for number in range(120)]
    put_all(store, [completion(tags=cheap, response=answer("x", 10, 0)) for _ in range(2)])
    put(store, completion(tags=["rare"], response=answer("x", 10_000_000, 0)))


@pytest.mark.parametrize("limit", [1, 100])
def test_a_rare_group_that_costs_most_comes_first(store_url: str, limit: int) -> None:
    """Groups in the order of cost are those that cost most, not the dearest of those with most calls."""
    queries = [
        StatisticsQuery(group_by="tag", sort="cost", limit=limit, since_ms=since_ms)
        for since_ms in (None, NOON_MS - NOON_MS % DAY_MS, NOON_MS)
    ]
    with closing(open_store(store_url)) as store:
        put_a_rare_and_dear_call(store)
        unfolded = [store.reports.statistics(ORG, query) for query in queries]
        fold(store_url)
        folded = [store.reports.statistics(ORG, query) for query in queries]

    assert unfolded == folded
    for found in folded:
        assert len(found.groups) == limit
        assert (found.groups[0].key, found.groups[0].cost) == ("rare", pytest.approx(25.0))


@pytest.mark.parametrize("before_ms", [0, DAY_MS])
def test_what_cost_most_before_a_span_leaves_the_groups_of_the_span(store_url: str, before_ms: int) -> None:
    """Of a part of a day, alone or beside a whole one, a group is found that cost little of that day."""
    dear = [f"t{number:03d}" for number in range(120)]
    end_ms = NOON_MS - NOON_MS % DAY_MS + DAY_MS
    with closing(open_store(store_url)) as store:
        early = completion(
            tags=dear, response=answer("x", 1_000_000, 0), created_at=at(-before_ms // MINUTE_MS)
        )
        late = completion(tags=["late"], created_at=at(120 - before_ms // MINUTE_MS))
        put_all(store, [early, late])
        if before_ms:
            put(store, completion(tags=["next"], response=answer("x", 500, 0)))
        fold(store_url)
        since_ms = NOON_MS - before_ms + 60 * MINUTE_MS
        for until_ms in (None, end_ms):
            found = groups(store, "tag", sort="cost", limit=2, since_ms=since_ms, until_ms=until_ms)
            assert {group.key for group in found} == ({"late", "next"} if before_ms else {"late"})


def test_what_the_groups_of_an_earlier_version_cost_is_worked_out(rollup_store_url: str) -> None:
    """In the background; before, those with most calls are given. Without calls a group costs nothing."""
    query = StatisticsQuery(group_by="tag", sort="cost", limit=1)
    with closing(open_store(rollup_store_url)) as store:
        put_a_rare_and_dear_call(store)
    fold(rollup_store_url)
    run_sql(rollup_store_url, "UPDATE rollups SET cost = NULL")

    with closing(open_store(rollup_store_url)) as store:
        until(lambda: store.reports.statistics(ORG, query).groups[0].key == "rare", "the costs are known")
        store.completions.delete(ORG, CompletionFilter(tags=("rare",))).result()
        fold(rollup_store_url)
        assert store.reports.statistics(ORG, query).groups[0].key == "t000"
