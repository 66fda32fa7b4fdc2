"""A call as the payload of a spool entry: whole when it comes back, and told when it is not."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.export.spool import segment_format
from log10_trace.export.spool.segment_format import RECORD, encode_entry_header
from log10_trace.record import call_codec
from log10_trace.record.call import Call
from log10_trace.record.call_codec import NewerEntryError, decode, encode, is_newer
from tests.record.entries import encode_version_1, relabel, relabel_version_1

times = st.integers(0, 2**63 - 1)
texts = st.text(max_size=20)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


FIELDS: Final = st.fixed_dictionaries(
    {
        **dict.fromkeys(("id", "endpoint"), texts),
        **dict.fromkeys(("created_ns", "started_ns"), times),
        **dict.fromkeys(("base_url", "organization_id", "session_id", "content_type"), st.none() | texts),
        **dict.fromkeys(
            ("content_encoding", "request_id", "background_response_id", "source"), st.none() | texts
        ),
        **dict.fromkeys(("failure_kind", "failure_reason"), st.none() | texts),
        **dict.fromkeys(("trace_id", "span_id", "via", "traced_by"), st.none() | texts),
        **dict.fromkeys(("status_code", "duration_ns", "first_token_ns"), st.none() | times),
        **dict.fromkeys(("retries", "sequence"), st.none() | times),
        **dict.fromkeys(("streamed", "interrupted"), st.booleans()),
        **dict.fromkeys(("stack", "request"), st.binary(max_size=50)),
        "status": st.sampled_from(["started", "finished", "failed"]),
        "tags": st.lists(texts, max_size=3).map(tuple),
        "metadata": st.none() | st.dictionaries(texts, jsons, max_size=3),
        "chunks": st.lists(st.binary(max_size=20), max_size=4),
        "body_json": st.none() | st.binary(max_size=50),
        "write_request": st.none(),  # of a call that runs, in its own process
    }
)
"""Whatever capture may hand over."""


def call(fields: dict[str, Any]) -> Call:
    made = Call("", created_ns=0, started_ns=0)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def state(call: Call) -> dict[str, Any]:
    """All that a call holds; its chunks as one, which is how they come back."""
    return {name: getattr(call, name) for name in Call.__annotations__} | {"chunks": b"".join(call.chunks)}


@given(FIELDS)
def test_what_was_packed_comes_back(fields: dict[str, Any]) -> None:
    """Every label and every byte is there again."""
    made = call(fields)

    assert set(fields) == set(Call.__annotations__)
    assert state(decode(b"".join(encode(made)))) == state(made)


@pytest.mark.parametrize("reason", ["lone \ud83d surrogate", "NUL \0", "line\nbreaks\u2028"])
def test_odd_texts_come_back(reason: str) -> None:
    """What an exception said comes back, whatever characters it is made of."""
    packed = encode(call({"failure_reason": reason}))

    assert decode(b"".join(packed)).failure_reason == reason


def test_the_request_is_not_copied() -> None:
    """The request goes to the spool as the very bytes that went over the wire."""
    request = b"x" * 1000

    assert any(part is request for part in encode(call({"request": request})))


@given(FIELDS, st.data())
def test_a_payload_that_is_cut_before_the_response_is_told(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    """A cut within labels, stack, request or body is an error; in the response the checksum tells it."""
    payload = b"".join(encode(call(fields)))
    response = len(b"".join(fields["chunks"]))
    cut = data.draw(st.integers(0, len(payload) - response - 1))

    with pytest.raises(ValueError, match="short"):
        decode(payload[:cut])


@given(FIELDS)
def test_what_version_1_packed_comes_back(fields: dict[str, Any]) -> None:
    """Every label and every byte of an entry that an earlier version wrote is there."""
    made = call(fields)

    assert state(decode(encode_version_1(made))) == state(made)
    assert not is_newer(encode_version_1(made))


@pytest.mark.parametrize("number", [2**63, 10**40, -5, "429", 2.5])
def test_a_number_that_no_program_should_have_costs_itself_alone(number: Any) -> None:
    """Whatever a server, or a client of the proxy, calls the number of retries: the record is kept."""
    read = decode(
        b"".join(encode(call({"id": "i", "retries": number, "status_code": 200, "request": b"{}"})))
    )

    assert (read.id, read.status_code, read.retries, read.request) == ("i", 200, None, b"{}")


def test_a_label_that_cannot_be_looked_up_is_kept() -> None:
    """A list of tags, in the place of a tuple, is written as it is."""
    read = decode(b"".join(encode(call({"tags": ["a", "b"]}))))

    assert read.tags == ("a", "b")


def test_calls_of_one_line_have_one_prefix() -> None:
    """What the calls of a line have alike is one object, which is written and checked once."""
    first, second = (encode(call({"stack": b"[1]", "tags": ("a",), "id": name}))[0] for name in "xy")

    assert first is second


def test_prefixes_are_forgotten_in_time() -> None:
    """A program with a session for each call does not fill the memory."""
    for number in range(2 * call_codec._MAX_KEPT):
        decode(b"".join(encode(call({"session_id": str(number)}))))

    assert len(call_codec._prefixes) <= call_codec._MAX_KEPT
    assert len(call_codec._read_labels) <= call_codec._MAX_KEPT


def test_long_labels_are_not_kept() -> None:
    """A program whose tags are texts of its users does not fill the memory either."""
    made = encode(call({"tags": ("x" * call_codec._MAX_KEPT_BYTES,)}))
    encode_entry_header(0, RECORD, 1, made)

    assert len(decode(b"".join(made)).tags[0]) == call_codec._MAX_KEPT_BYTES
    assert made[0] not in call_codec._prefixes.values()
    assert made[0] not in segment_format._checks
    assert max(map(len, call_codec._read_labels), default=0) <= call_codec._MAX_KEPT_BYTES


@pytest.mark.parametrize("missing", range(1, 25))
def test_labels_that_version_1_did_not_know_have_their_defaults(missing: int) -> None:
    """An entry with fewer labels, as an earlier version wrote it, is read with the bytes that it holds."""
    made = call({"id": "i", "endpoint": "/e", "request": b"{}", "chunks": [b"answer"], "traced_by": "s"})

    read = decode(relabel_version_1(encode_version_1(made), lambda labels: labels[:-missing]))

    assert (read.id, read.endpoint, read.request, read.chunks) == ("i", "/e", b"{}", [b"answer"])
    assert (read.traced_by, read.tags) == (None, ())
    assert read.status == "started"


def test_labels_that_an_earlier_version_did_not_know_have_their_defaults() -> None:
    """An entry whose shared labels lack all that need not be there is read with their defaults."""
    needed = ("endpoint", "status")
    made = call({"id": "i", "endpoint": "/e", "base_url": "http://a", "tags": ("t",), "streamed": True})

    read = decode(relabel(b"".join(encode(made)), shared=lambda labels: {key: labels[key] for key in needed}))

    assert (read.id, read.endpoint, read.status) == ("i", "/e", "started")
    assert (read.base_url, read.tags, read.streamed) == (None, (), False)


@pytest.mark.parametrize("labels", [[], ["i"], ["i", "/e", 1], {"id": "i"}, "text", None])
def test_labels_without_those_that_are_needed_are_no_entry(labels: Any) -> None:
    """An entry that does not even name its call is told as unreadable."""
    for payload in (
        relabel_version_1(encode_version_1(call({})), lambda _: labels),
        relabel(b"".join(encode(call({}))), shared=lambda _: labels),
    ):
        assert not is_newer(payload)
        with pytest.raises(ValueError, match="labels"):
            decode(payload)


@pytest.mark.parametrize(
    "newer",
    [
        lambda payload: b"\x03" + payload[1:],
        lambda payload: b"\xff" + payload[1:],
        lambda payload: b"\x03",
        lambda payload: relabel(payload, shared=lambda labels: labels | {"a label to come": 1}),
        lambda payload: relabel(payload, others=lambda labels: labels | {"a label to come": None}),
        lambda _: relabel_version_1(encode_version_1(call({})), lambda labels: [*labels, None, None]),
    ],
    ids=["version 3", "version 255", "another layout", "shared label", "other label", "version 1, two more"],
)
def test_an_entry_of_a_later_version_is_told(newer: Any) -> None:
    """An entry of a version to come is not taken for one of ours, nor for damaged."""
    payload = newer(b"".join(encode(call({}))))

    assert is_newer(payload)
    with pytest.raises(NewerEntryError):
        decode(payload)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda noise: b"\x02\0\0\0" + noise))
def test_any_bytes_are_an_entry_or_told(noise: bytes) -> None:
    """Whatever stands in an entry, asking who wrote it raises nothing, and to read it one kind of error."""
    assert is_newer(noise) == (noise[:1] > b"\x02")
    with suppress(ValueError):
        decode(noise)
