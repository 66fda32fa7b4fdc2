"""Sessions: their list, and one as a conversation."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from log10_trace.server.pages.sessions import session_page
from log10_trace.server.pages.urls import call_path, session_path
from tests.odd_ids import ODD_IDS
from tests.server.pages.page_client import Site, chat_response, completion

SYSTEM = {"role": "system", "content": "Be brief."}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def turn(*messages: dict[str, Any], answer: str, minute: int) -> dict[str, Any]:
    return completion(
        session_id="s-1",
        request={"model": "gpt-4o-mini", "messages": list(messages)},
        response=chat_response(answer),
        created_at=f"2026-01-01T00:{minute:02}:00Z",
    )


def test_sessions_are_listed_with_their_figures(site: Site) -> None:
    """Calls, tokens and the last question of each, the latest on top."""
    site.keep(completion(session_id="s-old", created_at="2026-01-01T00:00:00Z"))
    for _ in range(2):
        site.keep(completion(session_id="s-new", created_at="2026-01-02T00:00:00Z"))

    page = site.page("/sessions")

    assert page.index("s-new") < page.index("s-old")
    assert page.count("Why is the sky blue?") == 2
    assert re.search(r's-new.*?data-title="calls"><a [^>]+>2<.*?data-title="tokens">30<', page, re.DOTALL)


def test_sessions_are_filtered_by_time_tag_model_and_words(site: Site) -> None:
    """The page lists the sessions with a call that passes its filters, and its form keeps them."""
    site.keep(completion(session_id="s-old", created_at="2026-01-01T00:00:00Z", tags=["a"]))
    site.keep(completion(session_id="s-old", created_at="2026-01-03T00:00:00Z"))
    site.keep(completion(session_id="s-over", created_at="2026-01-02T00:00:00Z"))

    since = site.page("/sessions?since=2026-01-02T12:00:00Z")
    tagged = site.page("/sessions?tag=a&model=&q=sky")

    assert "s-old" in since
    assert "s-over" not in since
    assert 'value="2026-01-02T12:00:00Z"' in since
    assert "s-old" in tagged
    assert "s-over" not in tagged
    assert "No session matches" in site.page("/sessions?q=unheard")


def test_a_session_reads_as_a_conversation(site: Site) -> None:
    """Each call shows what it adds, oldest first; the history it sends again is counted, not repeated."""
    answer = {"role": "assistant", "content": "Answer one."}
    site.keep(turn(SYSTEM, user("Question one?"), answer="Answer one.", minute=1))
    site.keep(
        turn(SYSTEM, user("Question one?"), answer, user("Question two?"), answer="Answer two.", minute=2)
    )

    page = site.page("/sessions/s-1")

    page = page.partition('<section class="step')[2]
    words = [
        "Be brief.",
        "Question one?",
        "Answer one.",
        "3 earlier messages sent again",
        "Question two?",
        "Answer two.",
    ]
    assert sorted(words, key=page.index) == words
    assert [page.count(word) for word in words] == [1] * len(words)


def test_a_changed_history_is_shown_anew(site: Site) -> None:
    """From the first message that differs on, everything is shown."""
    site.keep(turn(SYSTEM, user("Question?"), answer="Answer.", minute=1))
    site.keep(turn(SYSTEM, user("Question, edited?"), answer="Answer.", minute=2))

    page = site.page("/sessions/s-1")

    assert "1 earlier message sent again" in page
    assert "Question, edited?" in page


def test_a_long_session_has_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Going on shows every call once, in order, numbered on; the last page is one click from the first."""
    monkeypatch.setattr(session_page, "STEPS_PER_PAGE", 10)
    history: list[dict[str, Any]] = []
    kept = []
    for number in range(25):
        history.append(user(f"Question {number}?"))
        kept.append(site.keep(turn(*history, answer=f"{number}", minute=number)))

    pages = [site.page("/sessions/s-1")]
    while later := re.search(r'rel="next" href="([^"]+)"', pages[-1]):
        pages.append(site.page(later[1].replace("&amp;", "&")))
    end = site.page("/sessions/s-1?at=end")

    shown = re.compile(r'id="call-(\d+)".*?<h2 class="bar">.*?href="/completions/([^"]+)"', re.DOTALL)
    steps = [step for page in pages for step in shown.findall(page)]
    assert steps == [(str(number), call_id) for number, call_id in enumerate(kept, 1)]
    assert shown.findall(end) == steps[-10:]
    assert "Calls 11 to 20 of 25 in time" in pages[1]
    # The history that the page before has shown is not shown anew.
    assert "10 earlier messages sent again" in pages[1]
    assert "Question 3?" not in pages[1]
    assert "15 earlier messages sent again" in end


def test_a_session_tells_when_its_calls_ran(site: Site) -> None:
    """Bars, the time to the first token, calls side by side, waits, a failure and the request again."""

    def keep(second: float, *texts: str, **fields: Any) -> str:
        request = {"model": "gpt-4o", "messages": list(map(user, texts))}
        moment = f"2026-01-01T00:00:{second:04.1f}Z"
        return site.keep(completion(session_id="s-1", created_at=moment, request=request, **fields))

    tool = {"id": "c1", "function": {"name": "find_order", "arguments": "{}"}}
    keep(
        0,
        "Where is it?",
        duration=4.0,
        time_to_first_token=1.0,
        response=chat_response(None, tool_calls=[tool]),
    )
    keep(2, "Classify.", duration=1.0)
    keep(20, "Go on.", duration=0.5, status="failed", response=None, failure_kind="RateLimitError")
    keep(21, "Go on.", duration=3.0)
    result = {"role": "tool", "tool_call_id": "c1", "content": "Nowhere."}
    site.keep(turn(user("Where is it?"), result, answer="Lost.", minute=5))

    page = site.page("/sessions/s-1")

    assert "<title>Where is it?" in page
    assert "began at 0 s, first token after 1 s, took 4 s, finished" in page
    assert 'At the same time as <a href="#call-1">call 1</a>' in page
    assert "16 s later" in page
    assert '<a href="#call-3">call 3</a>' in page
    assert "Asks the same again" in page
    assert "result of find_order" in page
    assert re.search(r'<rect class="wait" x="0.00%" width="[1-9]', page)
    assert " style=" not in page


def test_the_twins_of_a_session_tell_all_of_it(site: Site) -> None:
    """JSON with its calls, JSON Lines with whole records, Markdown as a story; the list as JSON."""
    first = site.keep(turn(SYSTEM, user("Question `one`?"), answer="```\nanswer", minute=1))
    answer = {"role": "assistant", "content": "```\nanswer"}
    second = site.keep(
        turn(SYSTEM, user("Question `one`?"), answer, user("Two?"), answer="Answer two.", minute=2)
    )
    site.keep(completion(session_id="x.md/y"))

    told = site.browser.get("/sessions/s-1.json").json()
    records = [json.loads(line) for line in site.browser.get("/sessions/s-1.jsonl").text.splitlines()]
    document = site.browser.get("/sessions/s-1.md")
    listed = site.browser.get("/sessions.json?q=one").json()["sessions"]

    assert (told["session"]["id"], told["session"]["title"]) == ("s-1", "Question `one`?")
    assert [call["id"] for call in told["calls"]] == [record["id"] for record in records] == [first, second]
    assert records[0]["request"]["messages"][0] == SYSTEM
    assert document.headers["content-type"] == "text/markdown; charset=utf-8"
    assert document.text.count("Be brief.") == 1
    assert "3 earlier messages sent again." in document.text
    assert "````\n```\nanswer\n````" in document.text
    assert [(each["id"], each["calls"], each["running"]) for each in listed] == [("s-1", 2, False)]
    for ending in (".json", ".jsonl", ".md"):
        assert site.browser.get(f"{session_path('x.md/y')}{ending}").status_code == 200
        assert site.browser.get(f"/sessions/unknown{ending}").status_code == 404


def test_what_a_model_thought_does_not_show_a_history_anew(site: Site) -> None:
    """The program sends the answer back without its reasoning: it is the same message."""
    answer = {"role": "assistant", "content": "Answer."}
    thought = chat_response("Answer.", reasoning_content="Let me think.")
    site.keep(completion(session_id="s-1", request={"messages": [user("One?")]}, response=thought))
    site.keep(completion(session_id="s-1", request={"messages": [user("One?"), answer, user("Two?")]}))

    assert "2 earlier messages sent again" in site.page("/sessions/s-1")
    assert "2 earlier messages sent again" in site.browser.get("/sessions/s-1.md").text


def test_a_long_request_is_folded_in_its_middle(site: Site) -> None:
    """The first call of a session may bring a history along."""
    site.keep(turn(*(user(f"Question {number}?") for number in range(40)), answer="Fine.", minute=1))

    page = site.page("/sessions/s-1")

    assert "<summary>32 messages in between</summary>" in page


def test_a_long_text_leads_to_its_place_on_the_page_of_its_call(site: Site) -> None:
    """What is cut in the conversation is found whole, at its own message."""
    site.keep(turn(SYSTEM, user("Question one?"), answer="Answer one.", minute=1))
    call_id = site.keep(turn(SYSTEM, user("Question one?"), user("long " * 5_000), answer="Two.", minute=2))

    place = f"/completions/{call_id}?show=all#asked-3"
    assert f'href="{place}"' in site.page("/sessions/s-1")
    assert 'id="asked-3"' in site.page(place)


def test_running_and_failed_calls_are_part_of_it(site: Site) -> None:
    """A conversation shows where it broke, and where it goes on."""
    site.keep(completion(session_id="s-1", status="failed", response=None, failure_kind="RateLimitError"))
    site.keep(completion(session_id="s-1", status="started", response=None, duration=None))

    page = site.page("/sessions/s-1")

    assert "RateLimitError" in page
    assert "still running" in page


def test_a_session_whose_id_no_path_can_carry_has_its_page(site: Site) -> None:
    """An id with a slash is written so that the path carries it; its twins and its calls have it too."""
    for number, name in enumerate(ODD_IDS):
        site.keep(completion(id=name, session_id=name, created_at=f"2026-01-01T00:00:{number:02}Z"))

    listed = site.page("/sessions")
    for name in ODD_IDS:
        path = session_path(name)
        told = site.browser.get(f"{path}.json").json()
        assert f'href="{path}"' in listed
        assert f'href="{path}"' in site.page(call_path(name))
        assert f'href="{call_path(name)}' in site.page(path)
        assert (told["session"]["id"], [call["id"] for call in told["calls"]]) == (name, [name])
        assert json.loads(site.browser.get(f"{path}.jsonl").text)["session_id"] == name
        assert site.browser.get(f"{path}.md").text.startswith("# ")


def test_without_sessions_the_page_says_what_to_type(site: Site) -> None:
    """The empty list shows how a session is made."""
    assert "log10_trace.session(" in site.page("/sessions")


def test_an_unknown_session_is_not_found(site: Site) -> None:
    """404 that says what is missing, with a way back; not the 404 of a path that does not exist."""
    site.keep(completion(session_id="known"))

    page = site.page("/sessions/unknown", status=404)

    assert "There is no such session." in page
    assert 'href="/"' in page
    assert "There is no such session." not in site.page("/sessions/known")
    assert "There is no such session." not in site.page("/no-such-path/unknown", status=404)


def test_a_session_of_large_calls_goes_on_on_the_next_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page holds as many calls as it has memory for, one at least, and leads on to those behind."""
    monkeypatch.setattr(session_page, "_MAX_CHARACTERS", 3_500)
    for number in range(5):
        said = {"messages": [{"role": "user", "content": f"call {number} " + "x" * 1_000}]}
        moment = f"2026-01-0{number + 1}T00:00:00Z"
        site.keep(completion(request=said, session_id="s", created_at=moment))
    address, pages = "/sessions/s", []
    while address:
        pages.append(site.page(address))
        later = re.search(r'rel="next" href="([^"]+)"', pages[-1])
        address = later[1].replace("&amp;", "&") if later else ""

    stories = [page.partition("<section")[2] for page in pages]
    assert [sorted(set(re.findall(r"call (\d) ", story))) for story in stories] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]
