"""Sessions: their list, and one as a conversation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from log10_trace.server.pages.sessions import routes
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
    assert re.search(r's-new.*?data-title="calls">2<.*?data-title="tokens">30<', page, re.DOTALL)


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


def test_a_long_session_has_pages(site: Site) -> None:
    """Going on shows every call once, oldest first."""
    kept = [site.keep(turn(user(f"Question {n}?"), answer=f"{n}", minute=n)) for n in range(30)]

    first = site.page("/sessions/s-1")
    later = re.search(r'rel="next" href="([^"]+)"', first)
    assert later
    second = site.page(later[1].replace("&amp;", "&"))

    shown = re.findall(r'class="bar"><a href="/completions/([^"]+)"', first + second)
    assert shown == kept


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


def test_a_session_whose_id_no_path_can_carry_has_its_list(site: Site) -> None:
    """An id with a slash leads to the list of its calls."""
    site.keep(completion(session_id="user/42"))

    assert 'href="/?session_id=user%2F42"' in site.page("/sessions")


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
    monkeypatch.setattr(routes, "_SESSION_CHARACTERS", 3_500)
    for number in range(5):
        said = {"messages": [{"role": "user", "content": f"call {number} " + "x" * 1_000}]}
        moment = f"2026-01-0{number + 1}T00:00:00Z"
        site.keep(completion(request=said, session_id="s", created_at=moment))
    address, pages = "/sessions/s", []
    while address:
        pages.append(site.page(address))
        later = re.search(r'rel="next" href="([^"]+)"', pages[-1])
        address = later[1].replace("&amp;", "&") if later else ""

    assert [sorted(set(re.findall(r"call (\d) ", page))) for page in pages] == [["0", "1"], ["2", "3"], ["4"]]
