"""One Completion's text: cut into exact slices, checked, and merged with what is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.completion_record import (
    PROCESS_DIED,
    CompletionRecord,
    RecordFormatError,
    from_stored_fields,
    merge,
    parse,
)
from log10_trace.domain.json_slices import decode, parse_value, split_members
from log10_trace.domain.labels import MAX_LABEL

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=20)
json_values = st.recursive(
    scalars,
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)
spaces = st.text(" \t\r\n", max_size=3)
deliveries = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["started", "finished", "failed", None]),
        "tags": st.none() | st.lists(st.sampled_from("xyz"), max_size=3),
        "response": st.none() | st.just({"choices": []}),
        "failure_kind": st.sampled_from([None, PROCESS_DIED, "APITimeoutError"]),
        "duration": st.none() | st.integers(0, 9),
        "session_id": st.none() | st.sampled_from(["s", "t"]),
    },
).map(lambda fields: parse(json.dumps(fields | {"id": "a"})))


def of(**fields: Any) -> CompletionRecord:
    """A completion with these fields."""
    return parse(json.dumps({"id": "a"} | fields))


@given(members=st.dictionaries(names, json_values, max_size=6), pad=spaces)
def test_slices_are_the_text_itself(members: Mapping[str, Any], pad: str) -> None:
    """Each member's slice is its text without the space around it, whatever space there is."""
    texts = {name: json.dumps(value) for name, value in members.items()}
    inside = f"{pad},{pad}".join(f"{json.dumps(name)}{pad}:{pad}{text}" for name, text in texts.items())
    found = split_members(f"{pad}{{{pad}{inside}{pad}}}{pad}")

    assert {name: text for name, (text, _) in found.items()} == texts
    assert {name: value for name, (_, value) in found.items()} == members


@pytest.mark.parametrize(
    "text",
    ["", " ", "[]", "1", '"a"', "{", "}", "{]", '{"a"}', '{"a":}', '{"a":1,}', "{,}", '{"a":1 "b":2}',
     '{"a":1}x', '{"a":1}{', "{'a':1}", '{"a":NaN}', '{"a":-Infinity}', '{"a":[1,]}', '{"a":01}',
     '{"a":"\n"}', '{"a":"\\x"}', '{"a":"' + '\\"' * 20_000, '{"a":tru}', "{1:2}"],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(text: str) -> None:
    """Broken text, and JSON of another kind, is refused without being quoted."""
    with pytest.raises(RecordFormatError) as caught:
        parse(text)

    assert caught.value.code == "invalid_json"
    assert "character" in str(caught.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    """A body that is not UTF-8 is refused as such."""
    with pytest.raises(RecordFormatError, match="UTF-8"):
        parse(b'{"a": "\xff"}')


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_bounded(depth: int, opening: str, closing: str) -> None:
    """Text that is nested a million deep is refused, not followed."""
    with pytest.raises(RecordFormatError) as caught:
        parse(f'{{"request": {opening * depth}1{closing * depth}}}')

    assert caught.value.code == "too_deep"


def test_brackets_in_strings_are_no_nesting() -> None:
    """Only structure counts as depth, not text that looks like it."""
    brackets = "[{" * 5_000
    assert (
        of(request={"content": brackets, "escaped": '"' + brackets}).values["request"]["content"] == brackets
    )


@pytest.mark.parametrize("text", ['{"tags": [], "tags": []}', '{"a": 1, "\\u0061": 2}'])
def test_a_field_named_twice_is_refused(text: str) -> None:
    """Which of two values counts must not depend on who reads the record."""
    with pytest.raises(RecordFormatError) as caught:
        parse(text)

    assert caught.value.code == "duplicate_field"


WRONG: list[tuple[str, Any]] = [
    *[("id", value) for value in ("", 7, "a\x00b", "x" * (MAX_LABEL + 1), "\ud800")],
    *[("status", value) for value in ("done", 1)],
    *[("tags", value) for value in ("x", [1], ["a\n"], ["x"] * 1_001)],
    *[("duration", value) for value in ("1", -1, True, 10**400)],
    *[("stacktrace", value) for value in ("x", ["x"])],
    *[("sequence", value) for value in (0, 1.5, True, 1 << 60)],
    ("kind", ["chat"]),
    ("session_id", {}),
    ("failure_kind", 1),
    ("failure_reason", 1),
    ("organization_id", 1),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_value_of_the_wrong_type_is_refused_by_name(field: str, value: Any) -> None:
    """The refusal names the field and never quotes its value."""
    with pytest.raises(RecordFormatError) as caught:
        parse(json.dumps({"request": {}, field: value}))

    assert caught.value.field == field
    assert len(str(caught.value)) < 200


def test_null_is_taken_for_every_field() -> None:
    """A client that writes null for what it does not know is understood."""
    fields = dict.fromkeys(field for field, _ in WRONG)

    assert parse(json.dumps(fields)).id is None


def test_lone_surrogates_of_a_decoded_text_are_written_as_escapes() -> None:
    """Text that no encoding takes becomes the JSON that means the same."""
    text = decode('{"request": "\ud800"}')

    assert text.isascii()
    assert json.loads(text) == {"request": "\ud800"}


@given(json_values)
def test_a_kept_text_is_parsed_again_to_the_same(value: Any) -> None:
    """What was cut out means the same when it is read back."""
    text = json.dumps(value)
    assert parse_value(text) == value
    assert from_stored_fields("a", "org", {"request": text}).values["request"] == value


def test_an_integer_of_any_length_is_kept_exactly() -> None:
    """An integer beyond what Python converts stays as it was written."""
    digits = "7" * 10_000
    incoming = parse(f'{{"request": {{"n": {digits}}}}}')

    assert incoming.fields["request"] == f'{{"n": {digits}}}'
    assert parse_value(incoming.fields["request"])["n"] == float("inf")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "started"),
        ({"response": None}, "started"),
        ({"response": {}}, "finished"),
        ({"failure_kind": "X"}, "failed"),
        ({"status": "started", "response": {}}, "started"),
    ],
)
def test_a_status_that_is_not_stated_follows_from_the_rest(fields: dict[str, Any], status: str) -> None:
    """A record without a status has the one that what it holds amounts to."""
    assert of(**fields).status == status


@given(deliveries, deliveries)
def test_a_repeated_delivery_adds_nothing(stored: CompletionRecord, incoming: CompletionRecord) -> None:
    """Merging the same delivery again changes nothing."""
    once = merge(stored, incoming)
    assert merge(once, incoming).fields == once.fields
    assert merge(stored, stored).fields == stored.fields


@given(deliveries, deliveries)
def test_an_ended_record_never_goes_back(stored: CompletionRecord, incoming: CompletionRecord) -> None:
    """Once a call has ended no delivery makes it run again, and none unmakes its response."""
    merged = merge(stored, incoming)

    if stored.has_ended:
        assert merged.has_ended
    if stored.values.get("response") is not None:
        assert merged.values["response"] is not None


@given(deliveries, deliveries)
def test_null_takes_nothing_away(stored: CompletionRecord, incoming: CompletionRecord) -> None:
    """A field that is null or absent in a delivery keeps the value it had; only a failure can be lifted."""
    merged = merge(stored, incoming)

    for name, value in stored.values.items():
        if value is not None and incoming.values.get(name) is None and not name.startswith("failure"):
            assert merged.fields[name] == stored.fields[name]


@given(deliveries, deliveries)
def test_tags_are_only_added_by_deliveries(stored: CompletionRecord, incoming: CompletionRecord) -> None:
    """The tags of a merged record are those of both, the stored ones first."""
    assert merge(stored, incoming).tags == tuple(dict.fromkeys((*stored.tags, *incoming.tags)))


@given(deliveries, deliveries)
def test_fields_and_values_agree(stored: CompletionRecord, incoming: CompletionRecord) -> None:
    """The texts of a merged record mean its values."""
    merged = merge(stored, incoming)
    assert {name: json.loads(text) for name, text in merged.fields.items()} == merged.values


def test_the_guess_that_a_process_died_never_replaces_an_end() -> None:
    """A call whose end arrived keeps it when a later process settles it as died, in either order."""
    end, guess = of(status="finished", response={}), of(status="failed", failure_kind=PROCESS_DIED)

    for merged in (merge(end, guess), merge(guess, end)):
        assert merged.status == "finished"
        assert "failure_kind" not in merged.fields


def test_a_call_that_finished_after_all_loses_its_failure() -> None:
    """The end that is told last counts, and does not keep the other's failure."""
    merged = merge(
        of(status="failed", failure_kind="Timeout", failure_reason="late"), of(status="finished", response={})
    )

    assert merged.status == "finished"
    assert not {"failure_kind", "failure_reason"} & set(merged.fields)


def test_an_update_replaces_tags_when_asked() -> None:
    """Replacing tags takes the given list; giving none leaves them."""
    stored = of(tags=["x", "y"])

    assert merge(stored, of(tags=["y", "z"]), replace_tags=True).tags == ("y", "z")
    assert merge(stored, of(tags=[]), replace_tags=True).tags == ()
    assert merge(stored, of(), replace_tags=True).tags == ("x", "y")
