"""What stands around a call on its page: neighbors, what was added, results of tools, feedback, deletion."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from log10_trace.domain.keys import Scope
from log10_trace.server.app import create_app
from log10_trace.server.authentication.auth import Authenticator, Principal
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.store.data_types import Feedback, FeedbackTarget, FeedbackTask
from log10_trace.server.store.protocol import Store
from tests.server.pages.page_client import ORGANIZATION, PORT, Site, chat_response, completion

ADMIN = Principal("admin", ORGANIZATION, frozenset({Scope.ADMIN}))
FORM = {"delete": "yes"}
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


@pytest.fixture
def admin_site(store: Store) -> Site:
    """The pages as an administrator sees them."""
    app = create_app(
        store, host_policy_for("127.0.0.1", PORT), authenticator=Authenticator(store.keys, anonymous=ADMIN)
    )
    return Site(store, TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False))


def said(role: str, content: str, **fields: Any) -> dict[str, Any]:
    """A message."""
    return {"role": role, "content": content, **fields}


def keep(site: Site, call_id: str, minute: int, *messages: dict[str, Any], **fields: Any) -> None:
    """Keep a call of the session ``s`` that began in this minute."""
    created_at = f"2026-01-01T00:{minute:02}:00Z"
    request = {"model": "m", "messages": [*messages]}
    site.keep(completion(id=call_id, created_at=created_at, session_id="s", request=request, **fields))


def link(page: str, key: str) -> str | None:
    """Where the link with this key leads."""
    found = re.search(rf'data-key="{re.escape(key)}" href="([^"]*)"', page)
    return found[1] if found else None


def test_the_title_is_what_the_user_asked_last(site: Site) -> None:
    """Its first words, on one line; the model where nothing was said."""
    keep(
        site,
        "a",
        0,
        said("user", "Hello"),
        said("assistant", "Hi"),
        said("user", "Why\n is <b> the sky " + "x" * 200),
    )
    keep(site, "b", 1)
    title = f"Why is &lt;b&gt; the sky {'x' * 101}…"

    assert f"<title>{title} · log10_trace</title>" in site.page("/completions/a")
    assert "<title>m · log10_trace</title>" in site.page("/completions/b")


def test_the_way_leads_to_the_calls_beside_it_and_back_to_the_list(site: Site) -> None:
    """In the list as it was filtered and ordered, and in the session."""
    for minute, call_id in enumerate("abcd"):
        keep(site, call_id, minute, tags=["x"] if call_id != "c" else [])

    page = site.page("/completions/b?tag=x&order=oldest&show=all&cursor=1&since=2026-01-01")

    query = "?tag=x&amp;order=oldest&amp;since=2026-01-01"
    assert (link(page, "["), link(page, "]")) == (f"/completions/a{query}", f"/completions/d{query}")
    assert (link(page, "{"), link(page, "}")) == (f"/completions/a{query}", f"/completions/c{query}")
    assert f'<a href="/{query}">Calls</a>' in page
    plain = site.page("/completions/d?since=never&tag=")
    assert (link(plain, "["), link(plain, "]"), link(plain, "}")) == (None, None, None)
    keep(site, "long", 9, said("user", "x" * 50_000), tags=["x"])
    assert 'href="/completions/long?tag=x&amp;show=all#asked-1"' in site.page("/completions/long?tag=x")


def test_the_calls_with_the_same_prompt_are_one_click_away(site: Site) -> None:
    """The link lists the calls that asked the same, in whatever session; a call without text has none."""
    keep(site, "a", 0, said("system", "Be brief."), said("user", "Why?"))
    keep(site, "b", 1, said("system", "Be brief."), said("user", "Why?"), status="failed")
    keep(site, "c", 2, said("user", "Why?"))
    keep(site, "d", 3)

    found = re.search(r'href="(/\?prompt_digest=[^"]+)">Calls with this prompt', site.page("/completions/a"))

    assert found
    assert set(re.findall(r'href="/completions/(\w)[?"]', site.page(found[1]))) == {"a", "b"}
    assert "Calls with this prompt" not in site.page("/completions/d")
    assert 'href="/compare?a=a&amp;b=b"' in site.page("/completions/b")


def test_the_calls_of_the_same_trace_are_one_click_away(site: Site) -> None:
    """A call that was made in a span shows its ids, and leads to the calls of the trace."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    keep(site, "a", 0, said("user", "Why?"), trace_id=trace_id, span_id="00f067aa0ba902b7")
    keep(site, "b", 1, said("user", "How?"), trace_id=trace_id)
    keep(site, "c", 2, said("user", "Why?"))
    page = site.page("/completions/a")

    found = re.search(r'href="(/\?trace_id=[^"]+)" aria-label="Calls of this trace"', page)

    assert found
    assert set(re.findall(r'href="/completions/(\w)[?"]', site.page(found[1]))) == {"a", "b"}
    assert all(words in page for words in (f">{trace_id}<", ">00f067aa0ba902b7<"))
    assert "trace" not in site.page("/completions/c").partition("Internals")[2].lower()


def test_what_a_call_adds_to_the_one_before_is_marked(site: Site) -> None:
    """What was sent again comes first, folded; a mark stands before what is new."""
    history = [said("system", "Be brief."), *(said("user", f"turn {n}") for n in range(9))]
    answer = chat_response("Yes.", refusal=None, annotations=[])
    keep(site, "a", 0, *history, response=answer)
    keep(site, "b", 1, *history, said("assistant", "Yes."), said("user", "new one"), response=answer)
    keep(site, "c", 2, said("user", "something else"))

    page = site.page("/completions/b").partition('class="columns"')[2]

    folded, _, rest = page.partition("7 messages in between")[2].partition("</details>")
    before, _, added = rest.partition('Added since <a href="/completions/a">')
    assert "turn 7" in folded
    assert "Yes." in before
    assert "new one" in added
    assert 'id="added"' not in site.page("/completions/c") + site.page("/completions/a")


def test_results_of_tools_come_from_the_next_call(site: Site) -> None:
    """A response's tool call is shown with the result that the next request of the session sends."""
    asked = said("user", "Weather?")
    keep(site, "a", 0, asked, response=chat_response(None, tool_calls=[TOOL_CALL]))
    keep(
        site,
        "b",
        1,
        asked,
        said("assistant", "", tool_calls=[TOOL_CALL]),
        said("tool", "-3", tool_call_id="call_1"),
    )

    box = site.page("/completions/a").partition('id="answered-1"')[2].partition("</section>")[0]
    later = site.page("/completions/b")

    assert re.search(r'sent with <a href="/completions/b">.*-3', box, re.DOTALL)
    assert "added since the call before" in later
    assert 'id="asked-3"' in later


def test_calls_with_the_same_id_get_their_own_results(site: Site) -> None:
    """Some providers number the calls of each message anew; the old form has names in place of ids."""
    turns = [
        turn
        for n in range(2)
        for turn in (
            said("assistant", "", tool_calls=[TOOL_CALL]),
            said("tool", f"{n} degrees", tool_call_id="call_1"),
        )
    ]
    old = [
        said("assistant", "", function_call={"name": "f", "arguments": "{}"}),
        said("function", "old", name="f"),
    ]
    keep(site, "a", 0, *turns, *old)

    boxes = site.page("/completions/a").partition('id="raw"')[0].split('class="toolcall"')[1:]

    assert [next(text for text in ("0 degrees", "1 degrees", "old") if text in box) for box in boxes] == [
        "0 degrees",
        "1 degrees",
        "old",
    ]


def test_markdown_is_rendered_when_asked_for_and_the_choice_is_remembered(site: Site) -> None:
    """The link works without JavaScript: it sets a cookie that only this server reads."""
    keep(site, "a", 0, said("user", "**bold** " + "y" * 13_000), response=chat_response("**yes**"))
    assert "**yes**" in site.page("/completions/a").partition('id="raw"')[0]

    answer = site.browser.get("/completions/a?view=rendered")
    remembered = site.page("/completions/a")

    assert re.search(
        r"log10_view=rendered; HttpOnly; Max-Age=\d+; Path=/; SameSite=strict", answer.headers["set-cookie"]
    )
    assert "<strong>yes</strong>" in answer.text
    assert "<strong>yes</strong>" in remembered
    assert "it is too much to render" in remembered
    assert "<strong>" not in site.page("/completions/a?view=plain") + site.page("/completions/a?view=x")


def test_feedback_is_shown(site: Site) -> None:
    """Task, values and comment of what people said of the call."""
    keep(site, "a", 0)
    task = FeedbackTask(
        id="t",
        name="Helpful?",
        instruction="",
        json_schema="{}",
        completion_tags_selector=(),
        created_at_ms=1,
    )
    given = Feedback(
        id="f",
        task_id="t",
        json_values='{"good": true, "<b>": ["x"]}',
        comment="Clear.",
        matched_completion_ids=(),
        created_at_ms=2,
    )
    site.store.feedback.add_task(ORGANIZATION, task).result()
    site.store.feedback.add(ORGANIZATION, given, FeedbackTarget(completion_ids=("a",))).result()

    shown = re.sub(
        r"<[^>]*>", " ", site.page("/completions/a").partition('id="feedback"')[2].partition("</section>")[0]
    )

    assert shown.split()[1:] == [
        "Feedback",
        "Helpful?",
        "good",
        "true",
        "&lt;b&gt;",
        "[&#34;x&#34;]",
        "comment",
        "Clear.",
    ]


SCHEMA = (
    '{"type": "object", "properties": {"score": {"type": "integer", "maximum": 5}}, "required": ["score"]}'
)


def test_feedback_is_given_on_the_page(admin_site: Site, site: Site) -> None:
    """The form of a task that selects the call; what does not fit is said in it, what does is stored once."""
    keep(admin_site, "a", 0, tags=["x"])
    for name, tag in (("good/one", "x"), ("other", "y")):
        task = FeedbackTask(
            id=name,
            name=f"Is it <{name}>?",
            instruction="Read it.",
            json_schema=SCHEMA,
            completion_tags_selector=(tag,),
            created_at_ms=1,
        )
        admin_site.store.feedback.add_task(ORGANIZATION, task).result()
    page = admin_site.page("/completions/a?tag=x")
    (action,) = re.findall(r'action="(/completions/a/feedback/[^"]*)"', page)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    name = re.findall(r'<input id="give-1-1" name="([^"]*)"', page)[0]

    refused = admin_site.browser.post(action, data={**hidden, name: "6", "comment": "too many"})
    for _ in range(2):
        taken = admin_site.browser.post(action, data={**hidden, name: "5", "comment": "fine"})

    assert refused.status_code == 422
    assert 'id="give-1" open' in refused.text
    assert "too many</textarea>" in refused.text
    assert (taken.status_code, taken.headers["location"]) == (303, "/completions/a?tag=x#feedback")
    assert "Is it &lt;good/one&gt;?" in page
    stored = admin_site.store.feedback.list(ORGANIZATION, completion_id="a").items
    assert [(each.task_id, each.json_values, each.comment) for each in stored] == [
        ("good/one", '{"score":5}', "fine")
    ]
    assert "Give feedback" not in site.page("/completions/a")
    gone = admin_site.browser.post("/completions/none/feedback/other", data={**hidden, name: "5"})
    assert gone.status_code == 404


def test_a_call_is_deleted_after_a_question(admin_site: Site) -> None:
    """Without JavaScript: a page asks, its form deletes, and the call's page says since when it is gone."""
    keep(admin_site, "a", 0)
    question = (
        admin_site.page("/completions/a?tag=x")
        .partition('class="button quiet remove" href="')[2]
        .partition('"')[0]
    )

    assert 'method="post" action="/completions/a/delete?tag=x">' in admin_site.page(question)
    answer = admin_site.browser.post(question, data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/completions/a?tag=x")
    gone = admin_site.page("/completions/a?tag=x", status=410)

    assert re.search(r"It was deleted on \d{4}-\d\d-\d\d \(UTC\)", gone)
    assert '<a href="/?tag=x">' in gone
    admin_site.page(question, status=404)
    assert admin_site.browser.post(question, data=FORM).status_code == 404


def test_only_an_administrator_of_this_server_deletes(site: Site, admin_site: Site) -> None:
    """A reader is offered nothing and refused, and so is a form of another site."""
    keep(site, "a", 0)

    assert "Delete" not in site.page("/completions/a")
    site.page("/completions/a/delete", status=403)
    assert site.browser.post("/completions/a/delete", data=FORM).status_code == 403
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert admin_site.browser.post("/completions/a/delete", data=FORM, headers=headers).status_code == 403
    assert admin_site.page("/completions/a")
