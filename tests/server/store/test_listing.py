"""Lists: filters, search, pages, streams."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from log10_trace.domain.prompt_digests import digest_prompt
from log10_trace.server.store.data_types import CompletionFilter, Neighbors
from log10_trace.server.store.errors import CursorError, SearchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import (
    MINUTE_MS,
    NOON_MS,
    ORG,
    OTHER,
    answer,
    asked,
    completion,
    ids,
    page,
    put,
    put_all,
)


def at(minute: int) -> str:
    """A time so many minutes after noon."""
    noon = datetime.fromtimestamp(NOON_MS / 1000, timezone.utc)
    return (noon + timedelta(minutes=minute)).isoformat()


def frame(file: str, name: str) -> dict[str, Any]:
    """One frame of a stack."""
    return {"file": file, "line": "ask()", "lineno": 7, "name": name}


@pytest.fixture(scope="module")
def varied(module_store: Store) -> Store:
    """A store with five records that differ in everything a filter asks for."""
    put_all(
        module_store,
        [
            completion(
                id="a",
                created_at=at(0),
                tags=["x", "y"],
                session_id="s",
                duration=1.0,
                metadata={"user_id": 42, "plan": "pro"},
            ),
            completion(
                id="b",
                created_at=at(1),
                tags=["y", "z"],
                session_id="s",
                duration=2.5,
                metadata={"user_id": "42", "trial": True, "odd": {"user_id": 7}},
            ),
            completion(
                id="c",
                created_at=at(2),
                metadata={"user_id": 7, "plan": "pro"},
                kind="prompt",
                request=asked("a giraffe", model="o3-mini"),
            ),
            completion(
                id="d",
                created_at=at(3),
                status="failed",
                response=...,
                failure_kind="RateLimitError",
                failure_reason="slow down, okapi",
                stacktrace=[frame("main.py", "run"), frame("shop.py", "checkout")],
            ),
            completion(id="e", created_at=at(4), status="started", response=..., tags=["z"]),
        ],
    )
    put(module_store, completion(id="f", tags=["x", "y", "z"], session_id="s"), OTHER)
    return module_store


CASES: list[tuple[CompletionFilter, str]] = [
    (CompletionFilter(), "edcba"),
    (CompletionFilter(tags=("y",)), "ba"),
    (CompletionFilter(tags=("x", "z")), "eba"),
    (CompletionFilter(tags=("y", "z"), tag_match="all"), "b"),
    (CompletionFilter(tags=("x", "z"), tag_match="none"), "dc"),
    (CompletionFilter(tags=("nobody's",)), ""),
    (CompletionFilter(metadata=("user_id=42",)), "ba"),
    (CompletionFilter(metadata=("plan=pro",)), "ca"),
    (CompletionFilter(metadata=("plan=pro", "user_id=42")), "a"),
    (CompletionFilter(metadata=("trial=true",)), "b"),
    (CompletionFilter(metadata=("trial=false",)), ""),
    (CompletionFilter(metadata=("user_id=4",)), ""),
    (CompletionFilter(metadata=("plan=pro", "plan=free")), ""),
    (CompletionFilter(metadata=("user_id=42",), tags=("x",)), "a"),
    (CompletionFilter(metadata=("user_id=42",), tags=("x", "z")), "ba"),
    (CompletionFilter(metadata=("user_id=42",), tags=("y", "z"), tag_match="all"), "b"),
    (CompletionFilter(metadata=("user_id=42",), tags=("x",), tag_match="none"), "b"),
    (CompletionFilter(metadata=("user_id=42",), tags=("x", "z"), tag_match="none"), ""),
    (CompletionFilter(metadata=("plan=pro",), text="giraffe"), "c"),
    (CompletionFilter(metadata=("user_id=42",), text="giraffe"), ""),
    (CompletionFilter(metadata=("user_id=42",), tags=("x", "z"), text="fine"), "ba"),
    (CompletionFilter(metadata=("user_id=42",), min_duration=2.0), "b"),
    (CompletionFilter(metadata=("plan=pro",), model="o3-mini"), "c"),
    (CompletionFilter(session_id="s"), "ba"),
    (CompletionFilter(session_id="s", tags=("z",)), "b"),
    (CompletionFilter(status="started"), "e"),
    (CompletionFilter(kind="prompt"), "c"),
    (CompletionFilter(model="o3-mini"), "c"),
    (CompletionFilter(model="gpt-4o", status="finished"), "ba"),
    (CompletionFilter(failure_kind="RateLimitError"), "d"),
    (CompletionFilter(file="shop.py"), "d"),
    (CompletionFilter(file="main.py"), ""),
    (CompletionFilter(function="checkout", file="shop.py"), "d"),
    (CompletionFilter(function="run"), ""),
    (CompletionFilter(since_ms=NOON_MS + MINUTE_MS, until_ms=NOON_MS + 3 * MINUTE_MS), "cb"),
    (CompletionFilter(since_ms=NOON_MS + MINUTE_MS, tags=("y", "x")), "b"),
    (CompletionFilter(min_duration=1.0, max_duration=2.0), "a"),
    (CompletionFilter(min_duration=1.1), "b"),
    (CompletionFilter(min_tokens=15, max_tokens=15), "cba"),
    (CompletionFilter(min_tokens=16), ""),
    (CompletionFilter(text="giraffe"), "c"),
    (CompletionFilter(text="GIRAFFE a"), "c"),
    (CompletionFilter(text="okapi"), "d"),
    (CompletionFilter(text="how fine", session_id="s"), "ba"),
    (CompletionFilter(text="how", tags=("z",)), "eb"),
    (CompletionFilter(text="how", until_ms=NOON_MS + 1), "a"),
    (CompletionFilter(text="lion"), ""),
]


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_a_filter_finds_what_it_says(varied: Store, wanted: CompletionFilter, expected: str) -> None:
    """All conditions hold together; the newest comes first; another organization's records do not exist."""
    assert ids(varied, wanted) == list(expected)


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_the_oldest_can_come_first(varied: Store, wanted: CompletionFilter, expected: str) -> None:
    """The other order gives the same records the other way round."""
    assert ids(varied, wanted, order="oldest") == list(reversed(expected))


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_pages_of_one_put_together_are_the_list(
    varied: Store, wanted: CompletionFilter, expected: str
) -> None:
    """Whatever is filtered by, going from cursor to cursor passes every match once and then ends."""
    found, cursor = [], None
    while True:
        one = page(varied, wanted, limit=1, cursor=cursor)
        found += [item.id for item in one.items]
        if (cursor := one.next_cursor) is None:
            break

    assert found == list(expected)


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_a_stream_gives_whole_records_of_the_same_list(
    varied: Store, wanted: CompletionFilter, expected: str
) -> None:
    """A stream finds what a page finds, and gives each record whole."""
    streamed = list(varied.completions.stream(ORG, wanted))

    assert [one.id for one in streamed] == list(expected)
    assert all(varied.completions.get(ORG, one.id) == one for one in streamed)


def test_calls_that_asked_the_same_are_found_by_their_digest(store: Store) -> None:
    """Whatever the model and the parameters, also after an update; not a prompt with one word more."""
    put_all(
        store,
        [
            completion(id="a", request=asked("a giraffe")),
            completion(id="b", request={**asked("a giraffe", model="o3-mini"), "temperature": 1}, tags=["x"]),
            completion(id="c", request=asked("a giraffe more")),
            completion(id="d", request=..., status="started", response=...),
        ],
    )
    put(store, completion(id="d", request=asked("a giraffe")))
    wanted = CompletionFilter(prompt_digest=digest_prompt(["a giraffe"]))

    assert sorted(ids(store, wanted)) == ["a", "b", "d"]
    assert ids(store, replace(wanted, tags=("x",))) == ids(store, replace(wanted, model="o3-mini")) == ["b"]
    assert store.completions.count(ORG, wanted).calls == 3
    assert digest_prompt([]) == digest_prompt([""]) is None


def test_the_calls_of_a_trace_are_found(store: Store) -> None:
    """By the id that the tracing tool shows, also after an update; a value that is no text is no trace."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    put_all(
        store,
        [
            completion(id="a", trace_id=trace_id, span_id="00f067aa0ba902b7", created_at=at(1)),
            completion(id="b", trace_id=trace_id, tags=["x"], created_at=at(2)),
            completion(id="c", trace_id="a" * 32),
            completion(id="d", status="started", response=...),
            completion(id="e", trace_id=7),
            completion(id="f", trace_id="\0" + "long" * 2_000),
        ],
    )
    put(store, completion(id="d", trace_id=trace_id, created_at=at(3)))
    wanted = CompletionFilter(trace_id=trace_id)

    assert sorted(ids(store, wanted)) == ["a", "b", "d"]
    assert ids(store, replace(wanted, tags=("x",))) == ["b"]
    assert store.completions.count(ORG, wanted).calls == 3
    assert ids(store, CompletionFilter(trace_id="7")) == ids(store, CompletionFilter(trace_id="b" * 32)) == []


@pytest.mark.parametrize(
    "wanted",
    [
        CompletionFilter(),
        CompletionFilter(tags=("x", "z")),
        CompletionFilter(tags=("y",), tag_match="none"),
        CompletionFilter(status="finished"),
        CompletionFilter(text="giraffe"),
        CompletionFilter(until_ms=NOON_MS + 3 * MINUTE_MS),
    ],
    ids=repr,
)
def test_a_call_has_neighbors_in_every_list(varied: Store, wanted: CompletionFilter) -> None:
    """The calls beside each call are those of the list before and after it, also where it is not listed."""
    listed = ids(varied, wanted)

    for each in "abcde":
        beside = varied.completions.find_neighbors(ORG, each, wanted)
        assert beside.newer == min((other for other in listed if other > each), default=None)
        assert beside.older == max((other for other in listed if other < each), default=None)
    assert varied.completions.find_neighbors(OTHER, "a", wanted) == Neighbors()


def test_a_stream_can_be_cut_short(varied: Store) -> None:
    """A stream with a limit ends there."""
    assert [one.id for one in varied.completions.stream(ORG, CompletionFilter(), limit=2)] == ["e", "d"]


def test_a_long_stream_is_complete(store: Store) -> None:
    """A stream that takes many reads skips and repeats nothing, while records come in."""
    put_all(store, [completion(id=f"a{number:03d}", created_at=at(number)) for number in range(450)])
    streamed = []
    for number, one in enumerate(store.completions.stream(ORG, CompletionFilter())):
        streamed.append(one.id)
        if number % 100 == 0:
            put(store, completion(id=f"later-{number}", created_at=at(1000 + number)))

    assert streamed == [f"a{number:03d}" for number in reversed(range(450))]


def test_pages_stay_put_while_records_come_in(store: Store) -> None:
    """A record that arrives between two pages moves nothing: no repeats, no gaps."""
    put_all(store, [completion(id=f"a{number}", created_at=at(number)) for number in range(6)])
    first = page(store, limit=3)
    put(store, completion(id="new", created_at=at(60)))
    second = page(store, limit=3, cursor=first.next_cursor)

    assert [item.id for item in (*first.items, *second.items)] == ["a5", "a4", "a3", "a2", "a1", "a0"]
    assert second.next_cursor is None


def test_a_summary_holds_the_small_fields_and_no_body(store: Store) -> None:
    """A list shows model, usage and the beginnings of what was said, and never carries the bodies."""
    put(
        store,
        completion(id="a", request=asked("why?  " + "x" * 500), response=answer("because", 7, 3), tags=["t"]),
    )

    summary = page(store).items[0]

    assert (summary.model, summary.input_tokens, summary.output_tokens) == ("gpt-4o", 7, 3)
    assert summary.preview_request == "why? " + "x" * 195
    assert summary.preview_response == "because"
    assert summary.fields["tags"] == '["t"]'
    assert not {"request", "response", "stacktrace"} & set(summary.fields)


def test_a_summary_says_what_a_user_asked_what_it_cost_and_from_which_line(store: Store) -> None:
    """The user's last message comes before a tool's answer; there is no cost without usage."""
    frames = [
        {"file": "/srv/main.py", "line": "run()", "lineno": 3, "name": "<module>"},
        {"file": "/srv/app.py", "line": "client.create()", "lineno": 42, "name": "ask"},
    ]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "weather"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "4 degrees"},
    ]
    request = {"model": "gpt-4o", "messages": messages}
    put(store, completion(id="b", status="started", response=..., created_at="2026-11-26T10:00:01Z"))
    answered = {"response": answer("Cold.", 1000, 100), "created_at": "2026-11-26T10:00:00Z"}
    put(store, completion(id="a", request=request, stacktrace=frames, **answered))

    first, running = page(store, order="oldest").items

    assert (first.preview_request, first.preview_tool) == ("Weather in Oslo?", "4 degrees")
    assert first.call_site == ("/srv/app.py", 42, "ask")
    assert first.cost(store.reports.prices) == pytest.approx(0.0035)
    assert (running.preview_request, running.preview_tool) == ("How are you?", None)
    assert running.call_site is None
    assert running.cost(store.reports.prices) is None


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10", "WzFd!", "WyJhIl0", "W3RydWVd", "WzEsMl0", "Wy0xXQ", "é", "W1tb" * 1000]
)
def test_a_cursor_that_no_page_gave_is_refused(store: Store, cursor: str) -> None:
    """A made-up cursor is a clear error, never a wrong page."""
    with pytest.raises(CursorError):
        page(store, cursor=cursor)


@pytest.mark.parametrize("text", ["", "   ", '""', "*", "-", "AND(", "^"])
def test_a_search_for_no_word_is_refused(store: Store, text: str) -> None:
    """Text without a word in it cannot be searched for, and says so, in a stream too."""
    if any(character.isalnum() for character in text):
        assert ids(store, CompletionFilter(text=text)) == []
        return
    with pytest.raises(SearchError):
        page(store, CompletionFilter(text=text))
    with pytest.raises(SearchError):
        store.completions.stream(ORG, CompletionFilter(text=text))


SAID = "The quick-brown fox's naïve “jump” over\x00 lazy_dogs, OR not; 東京 {json: 1}"


@pytest.mark.parametrize(
    "text",
    ["quick", "QUICK fox", '"quick brown"', "jum*", "naive", "naïve", "fox's", "OR", "not", "東京", "json: 1",
     'words" OR *', "over lazy", "quick-brown", "'; DROP TABLE completions"],
)  # fmt: skip
def test_a_search_takes_whatever_is_typed(store: Store, text: str) -> None:
    """Quotes, operators and signs of any query language are only text to look for."""
    put(store, completion(id="a", request=asked(SAID)))

    found = ids(store, CompletionFilter(text=text))

    assert found == ([] if "words" in text or "DROP" in text else ["a"])


def test_a_phrase_is_words_side_by_side(store: Store) -> None:
    """Words in quotes match only next to each other."""
    put_all(
        store,
        [completion(id="a", request=asked("red apple")), completion(id="b", request=asked("apple red"))],
    )

    assert ids(store, CompletionFilter(text='"red apple"')) == ["a"]
    assert sorted(ids(store, CompletionFilter(text="red apple"))) == ["a", "b"]


def test_tool_calls_and_refusals_are_found(store: Store) -> None:
    """The index holds what the model said in any form."""
    call = {"id": "x", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Paris"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "refusal": "I must decline"}
    put(store, completion(id="a", response={"choices": [{"index": 0, "message": message}]}))

    assert ids(store, CompletionFilter(text="Paris")) == ["a"]
    assert ids(store, CompletionFilter(text="look_up")) == ["a"]
    assert ids(store, CompletionFilter(text="decline")) == ["a"]


def test_a_history_that_is_sent_again_is_indexed_once(store: Store) -> None:
    """In a conversation a word is found where it was said, not in every later call that repeats it."""
    first = completion(id="a", session_id="s", request=asked("a giraffe"), response=answer("an okapi"))
    put(store, first)
    again = asked("a giraffe", "an okapi", "a lion")
    put(store, completion(id="b", session_id="s", created_at=at(1), request=again, response=answer("roar")))

    assert ids(store, CompletionFilter(text="giraffe")) == ["a"]
    assert ids(store, CompletionFilter(text="okapi")) == ["a"]
    assert ids(store, CompletionFilter(text="lion")) == ["b"]
    assert ids(store, CompletionFilter(text="roar")) == ["b"]


def test_what_looks_like_sql_is_only_text(store: Store) -> None:
    """Tags, sessions and models are bound as values, whatever they hold."""
    evil = "x' OR '1'='1"
    put_all(store, [completion(id="a", tags=[evil], session_id=evil), completion(id="b", tags=["x"])])

    assert ids(store, CompletionFilter(tags=(evil,), session_id=evil)) == ["a"]
    assert ids(store, CompletionFilter(model=evil)) == []
