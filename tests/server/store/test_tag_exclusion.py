"""``tag_match=none`` is narrowed by roll-ups; what it lists is what the tags say, folded or not."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.store.common.tag_exclusion import hours_of, split_by_hours
from log10_trace.server.store.common.usage_statistics import MINUTE_MS
from log10_trace.server.store.data_types import CompletionFilter, MatchCount, Order
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import NOON_MS, ORG, OTHER, completion, ids, put, put_all
from tests.server.store.test_listing import at

NONE_OF: tuple[tuple[str, ...], ...] = (("x",), ("y",), ("x", "y"), ("x", "y", "z"), ("unheard-of",))
HOUR_MS = 60 * MINUTE_MS


def check_against(store: Store, tags_of: dict[str, tuple[str, ...]]) -> None:
    """Every list and count of what has none of some tags is that of ``tags_of``, whose ids are minutes."""
    for tags, (since, until) in itertools.product(NONE_OF, ((None, None), (90, 400), (60, 121))):
        wanted = CompletionFilter(
            tags=tags,
            tag_match="none",
            since_ms=None if since is None else NOON_MS + since * MINUTE_MS,
            until_ms=None if until is None else NOON_MS + until * MINUTE_MS,
        )
        expected = [
            minute
            for minute, has in sorted(tags_of.items(), key=lambda each: int(each[0]))
            if not set(has) & set(tags) and (since or 0) <= int(minute) < (until or 100_000)
        ]
        assert ids(store, wanted, order="oldest") == expected, wanted
        assert ids(store, wanted, limit=3) == expected[::-1][:3], wanted
        assert store.completions.count(ORG, wanted, timeout_s=30) == MatchCount(
            calls=len(expected), is_exact=True
        )
        first = store.completions.page(ORG, wanted, limit=2, order="oldest")
        rest = ids(store, wanted, order="oldest", cursor=first.next_cursor) if first.next_cursor else []
        assert [each.id for each in first.items] + rest == expected, wanted


def test_what_has_none_of_some_tags_is_what_the_tags_say(store: Store) -> None:
    """Hours that are all tagged, in part, and not at all; records that change and go."""
    kinds: tuple[tuple[str, ...], ...] = (("x",), ("x", "y"), ("y",), (), ("z",), ("x", "z"))
    # The first two hours have x alone, the others everything.
    tags_of = {
        f"{minute}": kinds[minute // 20 % (2 if minute < 120 else len(kinds))] for minute in range(0, 600, 20)
    }
    put_all(
        store, [completion(id=id_, created_at=at(int(id_)), tags=list(has)) for id_, has in tags_of.items()]
    )
    put(store, completion(id="0", created_at=at(0), tags=[]), OTHER)
    check_against(store, tags_of)

    for minute, has in (("0", ()), ("200", ("x",)), ("300", ("y", "x"))):
        put(store, completion(id=minute, created_at=at(int(minute)), tags=list(has)), replace_tags=True)
        tags_of[minute] = has
    for minute in ("40", "260"):
        store.completions.delete_one(ORG, minute).result()
        del tags_of[minute]
    check_against(store, tags_of)


@given(
    st.lists(st.integers(0, 30), max_size=12),
    st.one_of(st.none(), st.integers(0, 31 * HOUR_MS)),
    st.one_of(st.none(), st.integers(0, 31 * HOUR_MS)),
    st.sampled_from(["newest", "oldest"]),
)
def test_a_filter_is_cut_into_hours_in_order(
    hours: list[int], since_ms: int | None, until_ms: int | None, order: Order
) -> None:
    """The parts are the hours within the span, once each, apart, and in the order of the list."""
    wanted = CompletionFilter(tags=("x",), tag_match="none", since_ms=since_ms, until_ms=until_ms)
    low, high = since_ms or 0, 32 * HOUR_MS if until_ms is None else until_ms

    parts = list(split_by_hours(wanted, [60 * hour for hour in hours], order))

    spans = [(part.since_ms or 0, part.until_ms or 0) for part in parts]
    assert spans == sorted(spans, reverse=order == "newest")
    assert all(replace(part, since_ms=since_ms, until_ms=until_ms) == wanted for part in parts)
    moments = [hour * HOUR_MS + offset for hour in range(32) for offset in (0, 1, HOUR_MS - 1)]
    for moment in moments:
        is_wanted = moment // HOUR_MS in hours and low <= moment < high
        assert sum(start <= moment < end for start, end in spans) == is_wanted
        if low <= moment < high:
            asked = hours_of(wanted)
            assert asked["first"] <= moment // HOUR_MS * 60 < asked["end"]
