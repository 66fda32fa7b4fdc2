"""The pure parts that stores share, by their laws."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain import text_extraction
from log10_trace.domain.charges import Charge
from log10_trace.domain.prices import Prices
from log10_trace.server.store.common import record_codec
from log10_trace.server.store.common.aggregates import (
    NOTHING,
    Aggregate,
    aggregate_call,
    negate,
    parse_and_group_counts,
    parse_and_group_durations,
    parse_and_sum,
    sum_aggregates,
)
from log10_trace.server.store.common.columns import CompletionColumns, extract_columns
from log10_trace.server.store.common.counted import write_counted
from log10_trace.server.store.common.rollup_cover import (
    cover_range,
    cover_with_excess,
    join_steps,
    list_starts,
)
from log10_trace.server.store.common.rollups import (
    ALL_TIME,
    RollupDeltas,
    RollupKey,
    aggregate_deltas,
    apply_delta,
    apply_deltas,
    group_by_organization,
)
from log10_trace.server.store.common.search_query import Phrase, parse_search_query
from log10_trace.server.store.common.search_text import space_words
from log10_trace.server.store.common.seen_messages import SeenMessages
from tests.server.store.factories import NOON_MS, answer, asked, completion

NOW_MS = NOON_MS + 3_600_000


def facts_of(**fields: object) -> CompletionColumns:
    """The columns of a completion."""
    incoming = completion(**fields)
    return extract_columns(incoming, text_extraction.extract_text(incoming.values), now_ms=NOW_MS)


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_a_span_is_cut_without_overlap_or_gap(low: int, length: int) -> None:
    """The pieces of a span are whole roll-ups and cover each minute once."""
    high = low + length
    pieces = cover_range(low * 60_000, high * 60_000)

    covered = sorted((piece.start, piece.end) for piece in pieces)
    assert sum(end - start for start, end in covered) == length
    assert all(one[1] == other[0] for one, other in pairwise(covered))
    assert all(piece.start % piece.width == piece.end % piece.width == 0 for piece in pieces)
    assert len(pieces) <= 5


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_a_span_is_its_parts_less_their_excess(low: int, length: int) -> None:
    """A cover counts each minute of the span once and no other, with fewer roll-ups than the pieces have."""
    parts, excess = cover = cover_with_excess(low, low + length)

    counted: Counter[int] = Counter()
    for piece in parts:
        counted.update(range(piece.start, piece.end))
    for piece in excess:
        counted.subtract(range(piece.start, piece.end))
    assert {minute for minute, times in counted.items() if times} == set(range(low, low + length))
    assert all(times in {0, 1} for times in counted.values())
    assert all(piece.start % piece.width == piece.end % piece.width == 0 for piece in (*parts, *excess))
    assert cover.size <= sum(
        len(list_starts(piece)) for piece in cover_range(low * 60_000, (low + length) * 60_000)
    )
    assert cover.size <= length // 1440 + 2 * (12 + 30 + 2)


@given(st.sets(st.tuples(st.sampled_from([0, 1, 60]), st.integers(0, 30))))
def test_steps_side_by_side_are_one_piece(numbered: set[tuple[int, int]]) -> None:
    """Pieces have the steps that they were made of, and no two of them could be one."""
    steps = {(width, number * width) for width, number in numbered}

    pieces = join_steps(steps)

    found = [(piece.width, start) for piece in pieces for start in list_starts(piece)]
    assert sorted(steps) == found
    assert not any((one.width, one.end) == other[:2] for one, other in pairwise(pieces))


def test_an_open_span_is_one_sum() -> None:
    """The sum over everything is kept, not added up."""
    assert [span.width for span in cover_range(None, None)] == [ALL_TIME]


@given(st.lists(st.integers(0, 300), max_size=30), st.data())
def test_taking_away_what_was_added_leaves_nothing(minutes: list[int], data: st.DataObject) -> None:
    """Sums of calls that come and go, in any order, are those of the calls that are there."""
    calls = [
        facts_of(created_at=f"2026-03-01T{m // 60:02d}:{m % 60:02d}:00Z", duration=m / 7) for m in minutes
    ]
    gone = data.draw(st.lists(st.sampled_from(calls), unique_by=id)) if calls else []
    came, went, expected = RollupDeltas(), RollupDeltas(), RollupDeltas()
    for one in calls:
        came.count(one)
        if not any(one is other for other in gone):
            expected.count(one)
    for one in gone:
        went.count(one, -1)

    standing = {slot: apply_delta(None, change) for slot, change in changes(came).items()}
    for slot, change in changes(went).items():
        standing[slot] = apply_delta(standing[slot].serialize(), change)

    written = {slot: (one.calls, one.serialize()) for slot, one in standing.items()}
    left = {
        slot: (calls, parse_and_sum([text])) for slot, (calls, text) in written.items() if text != NOTHING
    }
    assert left == {
        slot: (change.calls, parse_and_sum([change.serialize()]))
        for slot, change in changes(expected).items()
    }


def test_what_is_taken_away_and_added_again_is_no_change() -> None:
    """A record that counts as before leaves no delta; one that lost a tag leaves that of the tag alone."""
    deltas = RollupDeltas()
    for _ in range(3):
        deltas.count(facts_of(duration=1.0, tags=["a"]), -1)
        deltas.count(facts_of(duration=1.0, tags=["a"]))
    assert deltas.rows() == []

    deltas.count(facts_of(tags=["a", "b"]), -1)
    deltas.count(facts_of(tags=["a"]))
    assert [(row.dimension, row.key, row.calls) for row in deltas.rows()] == [("tag", "b", -1)]


def changes(deltas: RollupDeltas) -> dict[RollupKey, Aggregate]:
    """What the deltas change in all roll-ups."""
    return aggregate_deltas(
        (row.dimension, row.start, row.key, row.counts, row.durations) for row in deltas.rows()
    )


def test_changes_of_roll_ups_are_written_in_order_or_deleted() -> None:
    """Roll-ups without a call are deleted; what is written is in the order of the keys."""
    one, two = (RollupKey("tag", 1, 0, name) for name in "ab")
    call = aggregate_call(facts_of(duration=1.0))
    gone = aggregate_call(facts_of(duration=1.0), -1)

    kept, empty = apply_deltas({one: call.serialize()}, {two: call, one: gone}, None)
    doubled, none = apply_deltas({one: call.serialize()}, {two: call, one: call}, None)

    assert (kept, empty) == ([(*two, 1, None, *call.serialize())], [one])
    assert [row[:5] for row in doubled] == [(*one, 2), (*two, 1)]
    assert none == []


def test_what_days_cost_is_written_beside_them() -> None:
    """In billionths of a dollar, of a day and of all time; 0 where nothing has a price."""
    prices = Prices({"models": {"gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25}}})
    keys = [RollupKey("tag", width, 0, "a") for width in (ALL_TIME, 1, 60, 1440)]
    priced = aggregate_call(facts_of(response=answer("x", 1_000_000, 1)))
    free = aggregate_call(facts_of(request=asked("x", model="in-house"), response=...))

    rows, _ = apply_deltas({}, dict.fromkeys(keys, priced), prices)
    others, _ = apply_deltas({}, {keys[0]: free}, prices)

    assert {row[1]: row[5] for row in rows} == {0: 2_500_010_000, 1: None, 60: None, 1440: 2_500_010_000}
    assert [row[5] for row in others] == [0]


def test_rows_are_grouped_by_their_organization() -> None:
    """The first column goes, the order stays."""
    rows = [("a", 1, 2), ("b", 3, 4), ("a", 5, 6)]

    assert group_by_organization(rows) == {"a": [[1, 2], [5, 6]], "b": [[3, 4]]}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.002, 3_000)), max_size=9))
def test_what_is_taken_away_as_it_is_written_leaves_nothing(timed: list[tuple[str, float]]) -> None:
    """A written tally and its negative come to nothing."""
    calls = [facts_of(duration=seconds, request=asked("hi", model=model)) for model, seconds in timed]
    written = sum_aggregates([aggregate_call(one) for one in calls]).serialize()

    assert parse_and_sum([written, negate(written)]).serialize() == NOTHING


@given(st.lists(st.floats(0.002, 3_000), min_size=1))
def test_a_percentile_is_within_five_percent(durations: list[float]) -> None:
    """The percentiles of a histogram are close to those of the durations."""
    shares = (0.5, 0.95, 0.99)
    total = sum_aggregates([aggregate_call(facts_of(duration=duration)) for duration in durations])
    ranks = [max(-(-len(durations) * round(share * 100) // 100), 1) for share in shares]

    expected = [sorted(durations)[rank - 1] for rank in ranks]
    assert total.percentiles(*shares) == pytest.approx(expected, rel=0.051)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=50)))
def test_fields_are_unpacked_as_they_were_packed(fields: dict[str, str]) -> None:
    """Laying fields out for the database and reading them back changes no character."""
    plain = {name: text for name, text in fields.items() if _is_encodable(name + text)}

    assert record_codec.decode(record_codec.encode(plain)) == plain


@pytest.mark.parametrize("compressobj", [zlib.compressobj, record_codec.compressobj], ids=["zlib", "used"])
@pytest.mark.parametrize("repeats", [1, 50, 5_000])
def test_a_body_is_what_zlib_reads(
    compressobj: Callable[..., Any], repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever library compresses it, and however long it is; its beginning can be read alone."""
    monkeypatch.setattr(record_codec, "compressobj", compressobj)
    said = "heron, é, 鷺; " * repeats
    fields = {"request": f'"{said}"', "response": f"[{[*range(repeats)]}]"}
    packed = record_codec.encode(fields)

    assert record_codec.decode(packed) == fields
    begun = record_codec.decode_body_prefix(packed.body, 60)["request"]
    assert begun
    assert fields["request"].startswith(begun)


@given(
    st.lists(st.builds(Charge, st.text(), *[st.integers(-(2**53), 2**53)] * 3)),
    st.none() | st.floats(0, 1e9),
    st.integers(1, 3),
)
def test_what_a_call_is_counted_as_is_written_as_json(
    charges: list[Charge], first_token: float | None, rules: int
) -> None:
    """As an encoder of JSON writes it, so that rows of all versions are alike."""
    known = replace(facts_of(), charges=tuple(charges), first_token=first_token, counting=rules)
    meant = {"rules": rules, "first_token": first_token, "charges": charges}

    assert write_counted(known) == json.dumps(meant, separators=(",", ":"))


def test_a_small_field_that_is_long_is_no_small_field() -> None:
    """What lists read stays small, whatever a client puts into it."""
    packed = record_codec.encode({"failure_reason": "x" * 100_000, "tags": "[]"})

    assert record_codec.decode_head(packed.head) == {"tags": "[]"}


def test_a_call_began_when_it_says_or_its_id_says_or_now() -> None:
    """The place of a record comes from the best clock there is."""
    identifier = f"{NOON_MS:012x}70008000000000000000"
    dashed = "-".join(
        (identifier[:8], identifier[8:12], identifier[12:16], identifier[16:20], identifier[20:])
    )

    assert facts_of(created_at="2026-03-01T12:00:00Z").began_ms == NOON_MS
    assert facts_of(id=dashed, created_at=...).began_ms == NOON_MS
    assert facts_of(created_at=...).began_ms == NOW_MS
    assert facts_of(created_at="2199-01-01T00:00:00Z").began_ms == NOW_MS
    assert facts_of(created_at=17).began_ms == NOW_MS


def test_the_call_site_is_the_innermost_frame() -> None:
    """The line that spends the money is the last of the stack."""
    stack = [{"file": "main.py", "name": "run"}, {"file": "shop.py", "name": "checkout"}]

    assert facts_of(stacktrace=stack).call_site == "shop.py:checkout"
    assert facts_of(stacktrace=[]).call_site is None
    assert facts_of(stacktrace=[{"file": 7}]).call_site is None


@pytest.mark.parametrize(
    "usage", [None, [], "x", {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
def test_a_usage_that_makes_no_sense_is_none(usage: object) -> None:
    """Whatever a provider writes for usage, only counts are counted."""
    assert facts_of(response={"usage": usage}).tokens is None


def test_usage_is_read_in_both_spellings() -> None:
    """Chat completions and responses name their tokens differently."""
    responses = {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}
    found = facts_of(response={"usage": responses})

    assert (found.input_tokens, found.output_tokens, found.tokens) == (7, 3, 10)
    assert found.charges == (Charge("gpt-4o", 7, 3, 2),)


@pytest.mark.parametrize(
    "response",
    [
        {
            "choices": [
                {"index": 0, "usage": {"prompt_tokens": 7, "completion_tokens": 3, "cached_tokens": 2}}
            ]
        },
        {"x_groq": {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "prompt_cache_hit_tokens": 2}}},
    ],
    ids=["Moonshot", "Groq"],
)
def test_usage_that_stands_elsewhere_is_counted(response: dict[str, object]) -> None:
    """Usage in the choice or in an object of the provider's own is the usage of the call."""
    found = facts_of(response=response)

    assert found.charges == (Charge("gpt-4o", 7, 3, 2),)


def test_usage_of_a_native_response_is_counted() -> None:
    """A response whose view as chat has no usage states it itself."""
    native = {"output": [], "x_provider": {"usage": {"input_tokens": 7, "output_tokens": 3}}}
    found = facts_of(response={"choices": []}, native_response=native)

    assert (found.input_tokens, found.output_tokens) == (7, 3)


def words(*messages: str, answer: str = "") -> text_extraction.CompletionText:
    """The words of a call."""
    return text_extraction.CompletionText(request_texts=list(messages), response_text=answer, failure="")


def test_a_growing_conversation_is_new_from_where_it_went_on() -> None:
    """What earlier calls of the session asked and got is not new; another session's is."""
    seen_messages = SeenMessages()

    assert seen_messages.count_repeated("org", "s", words("a", answer="b")) == 0
    assert seen_messages.count_repeated("org", "s", words("a", "b", "c", answer="d")) == 2
    assert seen_messages.count_repeated("org", "s", words("a", "b", "c", "d", "e")) == 4
    assert seen_messages.count_repeated("org", "t", words("a", "b", "c")) == 0
    assert seen_messages.count_repeated("other", "s", words("a", "b", "c")) == 0
    assert seen_messages.count_repeated("org", None, words("a", "b", "c")) == 0


def test_a_question_that_is_asked_again_is_new() -> None:
    """Two calls that ask the same are two calls."""
    seen_messages = SeenMessages()
    seen_messages.count_repeated("org", "s", words("a", answer="b"))

    assert seen_messages.count_repeated("org", "s", words("a", answer="c")) == 0


def test_conversations_side_by_side_are_kept_apart() -> None:
    """Several agents in one session each go on from their own history."""
    seen_messages = SeenMessages()
    seen_messages.count_repeated("org", "s", words("a"))
    seen_messages.count_repeated("org", "s", words("x"))

    assert seen_messages.count_repeated("org", "s", words("a", "b")) == 1
    assert seen_messages.count_repeated("org", "s", words("x", "y")) == 1
    seen_messages.forget()
    assert seen_messages.count_repeated("org", "s", words("a", "b", "c")) == 0


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("one two", [Phrase("one", False), Phrase("two", False)]),
        ('"one two" three', [Phrase("one two", False), Phrase("three", False)]),
        ("beg*", [Phrase("beg", True)]),
        ('un"closed', [Phrase("un closed", False)]),
        ("- & one", [Phrase("one", False)]),
    ],
)
def test_what_is_typed_becomes_phrases(typed: str, expected: list[Phrase]) -> None:
    """Words, quoted phrases and beginnings are understood; signs alone are nothing."""
    assert parse_search_query(typed) == expected


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def test_any_name_of_a_rate_is_read_back() -> None:
    """Written counts are read whatever the rate is named, half a character included."""
    rates = ["gpt-4o", 'a "b"', "\ud800", "\U0001f600"]
    written = [Aggregate({rate: [1, 0, 1, 10, 5, 0]}, {3: 1}).serialize() for rate in rates]

    counts = parse_and_group_counts((number % 2, each.counts) for number, each in enumerate(written))
    durations = parse_and_group_durations((number % 2, each.durations) for number, each in enumerate(written))

    assert [list(one.counts) for one in counts.values()] == [rates[::2], rates[1::2]]
    assert durations == {0: {3: 2}, 1: {3: 2}}


@given(st.text(st.characters(max_codepoint=127)))
def test_words_have_one_space_around_each(text: str) -> None:
    """Whatever stands between them; nothing stands where there are none."""
    words = "".join(sign.lower() if sign.isalnum() else " " for sign in text).split()

    assert space_words(text) == (f" {' '.join(words)} " if words else "")
