"""The page of one call: everything that was kept of it."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from tests.server.pages.page_client import Site, chat_response, completion


def request_of(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": list(messages), **more}


def shown(site: Site, query: str = "", **fields: Any) -> str:
    return site.page(f"/completions/{site.keep(completion(**fields))}{query}")


def test_a_call_is_shown_whole(site: Site) -> None:
    """Messages, answer, tags, session, timing, tokens, provider's id, retries and metadata stand on it."""
    page = shown(
        site,
        request=request_of(
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}, temperature=0.25
        ),
        tags=["checkout"],
        session_id="s-1",
        time_to_first_token=0.125,
        request_id="req_1",
        retries=2,
        metadata={"customer": "ada"},
        endpoint="/chat/completions",
        base_url="https://api.openai.com/v1",
    )

    for words in (
        "Be brief.",
        "Why?",
        "Rayleigh scattering.",
        "checkout",
        "s-1",
        "500 ms",
        "125 ms",
        "12 tokens in, 3 out",
    ):
        assert words in page
    for words in (
        "req_1",
        "2 retries",
        "customer",
        "ada",
        "temperature",
        "0.25",
        "https://api.openai.com/v1",
    ):
        assert words in page


def test_metadata_leads_to_the_calls_with_the_same_value(site: Site) -> None:
    """A value that a filter can ask for has a link; the list it leads to has the call."""
    page = shown(site, metadata={"user_id": 42, "plan": "a & b", "nested": {"x": 1}})

    links = re.findall(r'href="([^"]*metadata=[^"]*)"', page)
    assert links == ["/?metadata=user_id%3D42", "/?metadata=plan%3Da+%26+b"]
    for link in links:
        assert "Rayleigh scattering." in site.page(link)
    assert "Rayleigh scattering." not in site.page("/?metadata=user_id%3D4")


@pytest.mark.parametrize(
    ("response", "cost"),
    [
        ({}, "$0.75"),
        ({"model": "openai/gpt-5-nano", "service_tier": "flex"}, "$0.23"),
        ({"model": "in-house"}, "unknown"),
    ],
)
def test_cost_is_that_of_the_statistics(site: Site, response: dict[str, Any], cost: str) -> None:
    """The page of a call shows what the statistics charge it."""
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}
    page = shown(site, response=chat_response("ok") | {"usage": usage} | response)

    assert f"cost <b>{cost}</b>" in page


def test_a_call_without_usage_shows_no_cost(site: Site) -> None:
    """Without tokens nothing is said about cost."""
    assert "cost" not in re.sub(r"<[^>]*>", "", shown(site, response={"choices": []}).split("<main")[1])


def test_the_users_own_line_stands_out(site: Site) -> None:
    """The line that made the call is in sight; behind it stand the frames that led there."""
    stack = [
        {"file": "/srv/main.py", "line": "run()", "lineno": 3, "name": "<module>"},
        {"file": "/srv/app.py", "line": "    client.create()", "lineno": 42, "name": "ask"},
    ]

    page = shown(site, stacktrace=stack)

    summary, _, frames = page.partition('id="stack">')[2].partition("</summary>")
    assert re.search(r"/srv/<b>app\.py:42</b>.*ask.*client\.create\(\)", summary, re.DOTALL)
    assert "/srv/main.py:3" in frames.partition("</details>")[0]
    assert page.count("client.create()") == 1
    assert 'href="/?file=%2Fsrv%2Fapp.py&amp;function=ask"' in page


def test_a_line_that_did_not_make_the_call_says_what_it_did(site: Site) -> None:
    """Where a framework made it in a thread of its own; an unknown word says nothing."""
    frame = {"file": "/srv/app.py", "line": "run()", "lineno": 42, "name": "ask"}

    assert "the line started the thread that makes the call" in shown(
        site, stacktrace=[{**frame, "origin": "thread"}]
    )
    assert "the line" not in shown(site, stacktrace=[{**frame, "origin": "moon"}])


def test_tool_calls_and_their_results_belong_together(site: Site) -> None:
    """A tool call shows its result in the same box; a result without a call stands alone."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
    }
    page = shown(
        site,
        request=request_of(
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "-3 degrees"},
            {"role": "tool", "tool_call_id": "call_2", "content": "lost"},
            tools=[{"type": "function", "function": {"name": "weather", "description": "The weather."}}],
        ),
    )

    assert re.search(r'calls <bdi class="code">weather</bdi>.*call_1', page)
    assert '"city": "Oslo"' in unescape(page)
    box = page.partition('class="toolcall"')[2].partition("</section>")[0]
    assert "-3 degrees" in box
    assert page.count("-3 degrees") == 2  # the other is in the raw request
    assert 'answers <bdi class="code">call_2</bdi>' in page
    assert 'answers <bdi class="code">call_1</bdi>' not in page
    assert "The weather." in page


def test_a_refusal_is_shown_as_one(site: Site) -> None:
    """What the model would not do is not mistaken for an answer."""
    page = shown(site, response=chat_response(None, refusal="I cannot help with that."))

    assert re.search(r'class="part is-refusal">.*I cannot help with that\.', page, re.DOTALL)


def test_a_spoken_answer_shows_its_transcript(site: Site) -> None:
    """What was said is read."""
    audio = {"id": "audio_1", "data": "AAAA", "transcript": "Hello there.", "expires_at": 1}

    assert "Hello there." in shown(site, response=chat_response(None, audio=audio))


def test_a_picture_from_elsewhere_is_never_loaded(site: Site) -> None:
    """Its address is text; the page asks no other server for anything."""
    parts = [{"type": "image_url", "image_url": {"url": "https://evil.example/track.png", "detail": "low"}}]

    page = shown(site, request=request_of({"role": "user", "content": parts}))

    assert "https://evil.example/track.png" in page
    assert not re.search(r'(src|href|action|srcset|poster)="[^"]*evil\.example', page)


def test_several_choices_are_told_apart(site: Site) -> None:
    """Each choice has its number and its finish reason."""
    one, two = chat_response("heads")["choices"][0], chat_response("tails")["choices"][0]

    page = shown(site, response={"choices": [one, {**two, "index": 1, "finish_reason": "length"}]})

    assert "choice 1, finished by stop" in page
    assert "choice 2, finished by length" in page


def test_a_text_completion_is_shown(site: Site) -> None:
    """The API before chat has a prompt and texts."""
    response = {
        "object": "text_completion",
        "choices": [{"index": 0, "text": "a time", "finish_reason": "stop"}],
    }

    page = shown(site, kind="prompt", request={"model": "davinci", "prompt": "Once upon"}, response=response)

    assert "Once upon" in page
    assert "a time" in page


def test_a_failure_says_what_the_provider_said(site: Site) -> None:
    """Exception, reason and the provider's own error are on top of the page."""
    page = shown(
        site,
        status="failed",
        failure_kind="BadRequestError",
        failure_reason="400",
        response={"error": {"message": "max_tokens is too large"}},
    )

    assert 'id="failure"' in page
    for words in ("BadRequestError", "400", "max_tokens is too large"):
        assert words in page


def test_a_response_that_is_no_json_is_shown(site: Site) -> None:
    """An HTML error page of a proxy is text like any other."""
    page = shown(
        site, status="failed", failure_kind="InternalServerError", response="<html><b>Bad gateway</b></html>"
    )

    assert "&lt;html&gt;&lt;b&gt;Bad gateway&lt;/b&gt;" in page


def test_a_running_call_says_so_and_looks_again(site: Site) -> None:
    """The page of a running call is the one a browser with JavaScript asks for again; ended, it is not."""
    running = shown(site, status="started", response=None, duration=None)
    ended = shown(site)

    assert "still running" in running
    assert re.search(r'running</span>\s+for <span data-began="\d+">', running)
    assert re.search(r'<article id="call"[^>]*data-live', running)
    assert not re.search(r'<article id="call"[^>]*data-live', ended)


def test_a_body_that_is_no_strict_json_is_shown_as_it_came(site: Site) -> None:
    """The response stands as JSON, and beside it the text with what JSON has no word for."""
    page = shown(site, raw_response='{"logprob":-Infinity}')

    assert "Response as it came" in page
    assert "-Infinity" in page


def test_an_interrupted_stream_says_so(site: Site) -> None:
    """What a program left before its end is finished, and not whole."""
    assert "left this stream before its end" in shown(site, interrupted=True)


@pytest.mark.parametrize(
    ("omitted", "says"),
    [("all", "keeps no contents"), ("large", "Large contents of this call were not kept")],
)
def test_a_call_without_its_contents_says_so(site: Site, omitted: str, says: str) -> None:
    """Marks in the place of contents are explained where they are read."""
    assert says in shown(site, content_omitted=omitted)


def test_long_texts_are_cut_and_one_click_away(site: Site) -> None:
    """A megabyte is not put upon a reader who did not ask for it."""
    text = "x" * 1_000_000
    call_id = site.keep(completion(request=request_of({"role": "user", "content": text})))

    cut = site.page(f"/completions/{call_id}")
    whole = site.page(f"/completions/{call_id}?show=all")

    assert len(cut) < 200_000
    assert "Show all 1,000,000 characters" in cut
    assert text in whole


def test_the_middle_of_a_long_conversation_is_folded(site: Site) -> None:
    """Beginning and end are in sight, the rest is one click away, without JavaScript."""
    turns = [{"role": "user", "content": f"turn {number}"} for number in range(40)]
    call_id = site.keep(completion(request=request_of(*turns)))

    page = site.page(f"/completions/{call_id}").partition('class="columns"')[2]

    assert (
        page.index("32 messages in between")
        < page.index("turn 20")
        < page.index("</details>")
        < page.index("turn 39")
    )
    assert "messages in between" not in site.page(f"/completions/{call_id}?show=all")


EXACT = '{"model": "m",  "n":12345678901234567890123, "t": 1.0e0, "s":"\\ud800 \\u0041", "messages": []}'


FIELDS = ["request", "response", "native_request", "native_response", "raw_response", "raw_events"]


@pytest.mark.parametrize("field", FIELDS)
def test_raw_bodies_are_given_exactly_as_stored(site: Site, field: str) -> None:
    """Numbers, spacing, escapes and order are as they were on the wire."""
    call_id = site.keep(f'{{"id": "exact", "kind": "chat", "status": "finished", "{field}": {EXACT}}}')

    assert site.browser.get(f"/completions/{call_id}/{field}.json").text == EXACT
    assert EXACT in site.browser.get(f"/completions/{call_id}.json").text


def test_the_raw_body_on_the_page_has_line_breaks_added_and_nothing_else(site: Site) -> None:
    """Numbers and escapes stay as they were spelled."""
    call_id = site.keep(f'{{"id": "exact", "kind": "chat", "status": "finished", "request": {EXACT}}}')

    page = unescape(site.page(f"/completions/{call_id}"))

    for spelled in ('"n": 12345678901234567890123', '"t": 1.0e0', '"\\ud800 \\u0041"'):
        assert spelled in page


def test_a_responses_call_shows_its_own_bodies_and_says_which_are_views(site: Site) -> None:
    """What was really sent comes first; the chat-shaped view beside it is called one."""
    page = shown(site, native_request={"input": "Why?"}, native_response={"output": []})

    titles = re.findall(r"<summary>(\w[^<]*) <span", page)
    chat = "in the form of a chat"
    assert titles == ["Request", "Response", f"Request {chat}", f"Response {chat}"]


@pytest.mark.parametrize(
    "path", ["/completions/none", "/completions/none.json", "/completions/none/request.json", "/nowhere"]
)
def test_what_is_not_there_is_a_page_that_leads_back(site: Site, path: str) -> None:
    """404 is a page of ours, with a way on."""
    page = site.page(path, status=404)

    assert "Not found" in page
    assert 'href="/"' in page


def test_only_bodies_are_given_out_by_name(site: Site) -> None:
    """No other field, and no field that is not there, has an address of its own."""
    call_id = site.keep(completion(request={"messages": []}, tags=["a"]))

    assert site.browser.get(f"/completions/{call_id}/request.json").json() == {"messages": []}
    site.page(f"/completions/{call_id}/tags.json", status=404)
    site.page(f"/completions/{call_id}/native_request.json", status=404)


@pytest.mark.parametrize(
    "fields",
    [
        {"request": None, "response": None},
        {"request": [], "response": []},
        {"request": {"messages": "x"}, "response": {"choices": {}}},
        {
            "request": {"messages": [1, None, "x", {"role": 3, "content": 4}]},
            "response": {"choices": [None, 7]},
        },
        {"request": {"messages": [{"content": [None, 1, {"type": "image_url"}, {"type": "text"}]}]}},
        {"request": {"prompt": [1, 2, 3], "tools": [None, {}], "model": 4}},
        {
            "response": {
                "choices": [{"message": {"tool_calls": [None, {"function": {"arguments": {"a": 1}}}]}}]
            }
        },
        {"response": {"usage": {"prompt_tokens": "many"}, "error": ["odd"]}},
        {"stacktrace": [{}, {"file": 3, "lineno": "x"}], "metadata": {"a": [1, {"b": None}]}},
        {"created_at": "not a time", "duration": None},
    ],
    ids=json.dumps,
)
def test_no_shape_breaks_the_page(site: Site, fields: dict[str, Any]) -> None:
    """Whatever a provider or a program put where, the page stands."""
    assert shown(site, **fields)
