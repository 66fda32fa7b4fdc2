"""The first page: calls newest first, filters, figures, pages of it."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from tests.server.pages.page_client import Site, chat_response, completion


def asked(text: str) -> dict[str, object]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


def order_of(page: str, *words: str) -> list[str]:
    return sorted(words, key=page.index)


def test_ninety_pages_at_once_are_shown(site: Site) -> None:
    """A team that shares a key opens its tabs again: none of them is refused."""

    async def open_all() -> list[int]:
        transport = httpx.ASGITransport(site.browser.app)
        async with httpx.AsyncClient(transport=transport, base_url=str(site.browser.base_url)) as client:
            answers = await asyncio.gather(*[client.get("/") for _ in range(90)])
            return [answer.status_code for answer in answers]

    assert set(asyncio.run(open_all())) == {200}


def test_calls_are_listed_newest_first(site: Site) -> None:
    """Whatever order they arrive in, the call that began last stands on top."""
    site.keep(completion(request=asked("the second"), created_at="2026-01-02T00:00:00Z"))
    site.keep(completion(request=asked("the third"), created_at="2026-01-03T00:00:00Z"))
    site.keep(completion(request=asked("the first"), created_at="2026-01-01T00:00:00Z"))

    page = site.page("/")

    assert order_of(page, "the first", "the second", "the third") == ["the third", "the second", "the first"]


def test_a_row_says_what_one_looks_for(site: Site) -> None:
    """Question, answer, model, tags, tokens and time stand in the row, which leads to the whole call."""
    call_id = site.keep(completion(tags=["checkout"]))

    page = site.page("/")

    for word in (
        "Why is the sky blue?",
        "Rayleigh scattering.",
        "gpt-4o-mini",
        "checkout",
        "12 in, 3 out",
        "500 ms",
    ):
        assert word in page
    assert f'href="/completions/{call_id}"' in page


def test_a_running_call_is_listed(site: Site) -> None:
    """A call that has not ended is visible, as running."""
    site.keep(completion(status="started", response=None, duration=None))

    assert "running" in site.page("/")


def test_a_failed_call_says_why(site: Site) -> None:
    """The class and the message of the exception stand in the row."""
    site.keep(
        completion(status="failed", response=None, failure_kind="RateLimitError", failure_reason="slow down")
    )

    page = site.page("/")

    assert "RateLimitError" in page
    assert "slow down" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=red", "a"),
        ("tag=red&tag=blue&tag_match=all", ""),
        ("status=failed", "b"),
        ("kind=prompt", "c"),
        ("model=gpt-x", "a"),
        ("failure_kind=Boom", "b"),
        ("q=walrus", "c"),
        ("session_id=s-b", "b"),
        ("file=%2Fapp.py&function=main", "a"),
        ("since=2026-02-02", "bc"),
        ("until=2026-02-01&q=", "a"),
        ("min_duration=2", "b"),
    ],
)
def test_filters_narrow_the_list(site: Site, query: str, found: str) -> None:
    """Each filter shows the calls that match it and no other."""
    stack = [{"file": "/app.py", "line": "x()", "lineno": 1, "name": "main"}]
    named = {
        "a": {
            "request": {**asked("a"), "model": "gpt-x"},
            "tags": ["red"],
            "stacktrace": stack,
            "created_at": "2026-02-01T00:00:00Z",
        },
        "b": {
            "status": "failed",
            "response": None,
            "failure_kind": "Boom",
            "session_id": "s-b",
            "duration": 3,
            "created_at": "2026-02-02T00:00:00Z",
        },
        "c": {
            "kind": "prompt",
            "request": {"prompt": "the walrus"},
            "tags": ["blue"],
            "created_at": "2026-02-03T00:00:00Z",
        },
    }
    for name, fields in named.items():
        site.keep(completion(id=name, **fields))

    page = site.page(f"/?{query}")

    assert set(re.findall(r'class="whole" href="/completions/(\w+)\?', page)) == set(found)


def test_the_words_of_a_search_are_marked_in_titles(site: Site) -> None:
    """As they are in the passage below; what the title says stays text."""
    site.keep(completion(id="a", request=asked("Where is the <b>walrus</b>?")))

    page = site.page("/?q=walrus")

    assert "<bdi>Where is the &lt;b&gt;<mark>walrus</mark>&lt;/b&gt;?</bdi></a>" in page


def test_filters_that_are_set_can_be_taken_off_one_by_one(site: Site) -> None:
    """Each has a link to the list without it, which keeps the others."""
    page = site.page("/?tag=red&status=failed&cursor=")

    assert 'href="/?status=failed"' in page
    assert 'href="/?tag=red"' in page


def test_the_form_keeps_what_is_set(site: Site) -> None:
    """A further filter is added to those that are there, tags among them."""
    page = site.page("/?q=blue+sky&tag=red&failure_kind=Boom")

    assert 'name="q" value="blue sky"' in page
    assert '<input type="hidden" name="tag" value="red">' in page
    assert "<details open>" in page


def test_pages_follow_each_other_without_gap_or_repetition(site: Site) -> None:
    """Going on from page to page shows every call once, also when one comes in meanwhile."""
    kept = {site.keep(completion()) for _ in range(60)}

    first = site.page("/")
    site.keep(completion())
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward
    second = site.page(onward[1].replace("&amp;", "&"))

    shown = re.findall(r'class="whole" href="/completions/([^"]+)"', first + second)
    assert sorted(shown) == sorted(kept)
    assert 'rel="next"' not in second


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("min_tokens=many", "min_tokens"),
        ("cursor=x", "cursor"),
        ("q=%22%22", "q"),
        ("colour=red", "colour"),
    ],
)
def test_a_filter_that_cannot_be_used_is_said_where_it_stands(site: Site, query: str, field: str) -> None:
    """The form stays, with what was typed and a sentence that names the field."""
    page = site.page(f"/?{query}", status=422)

    assert f'role="alert">{field}: ' in page
    assert '<form class="filters"' in page


def test_the_figures_add_up_the_calls(site: Site) -> None:
    """How many match, failures, tokens, times and cost stand above the list, each with a way to its calls."""
    for day in (1, 2):
        site.keep(completion(created_at=f"2026-03-0{day}T12:00:00Z", tags=["red"]))
    site.keep(
        completion(status="failed", response=None, failure_kind="Boom", created_at="2026-03-02T12:00:00Z")
    )

    page, red = site.page("/"), site.page("/?tag=red")

    assert re.search(r"<b>3 calls</b>", page)
    assert re.search(r'<dt>Failed</dt><dd><a href="/\?status=failed">1</a><small>33 %', page)
    assert re.search(r"<dt>Tokens</dt><dd><a [^>]*>30</a><small>24 in, 6 out", page)
    assert '<b>2 of </b><a href="/">3 calls match</a>' in red


def test_a_row_says_what_a_user_asked_what_failed_and_where(site: Site) -> None:
    """A tool's output stands second; a failure has its kind, reason and line; each link keeps the filters."""
    stack = [{"file": "/srv/shop/app.py", "line": "x()", "lineno": 42, "name": "ask"}]
    tool = {"role": "tool", "tool_call_id": "c", "content": "four degrees"}
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Oslo?"}, tool]}
    site.keep(completion(id="told", request=request, tags=["red"]))
    failure = {"failure_kind": "RateLimitError", "failure_reason": "slow down"}
    site.keep(completion(id="bad", status="failed", response=None, stacktrace=stack, tags=["red"], **failure))
    site.keep(completion(id="runs", status="started", response=None, duration=None, tags=["red"]))

    page = site.page("/?tag=red&cursor=")

    rows = dict(re.findall(r'<tr[^>]* data-id="(\w+)">(.*?)</tr>', page, re.DOTALL))
    assert '<a class="whole" href="/completions/told?tag=red"><bdi>Oslo?</bdi></a>' in rows["told"]
    assert "four degrees" in rows["told"]
    assert re.search(r'class="number cost">\$0\.0000', rows["told"]) or "&lt;$0.0001" in rows["told"]
    assert "RateLimitError</b> slow down" in rows["bad"]
    assert "<bdi>shop/app.py:42</bdi>" in rows["bad"]
    assert "tag=red&amp;file=%2Fsrv%2Fshop%2Fapp.py&amp;function=ask" in rows["bad"]
    assert 'data-began="' in rows["runs"]
    assert "Why is the sky blue?" in rows["runs"]
    parts = site.page("/calls/rows?tag=red") + site.page("/calls/figures?tag=red")
    assert 'data-id="told"' in parts
    assert "3 calls" in parts


def test_a_cost_that_is_not_known_is_not_zero(site: Site) -> None:
    """A model without a price makes the cost unknown."""
    site.keep(completion(response={**chat_response("x"), "model": "my-own"}))

    assert re.search(r"<dt>Cost</dt><dd><a [^>]*>unknown<", site.page("/"))


def test_an_empty_server_says_what_to_type(site: Site) -> None:
    """Before the first call, the page has the lines that bring it."""
    page = site.page("/")

    assert "log10_trace.patch()" in page
    assert "log10-trace keys create --scope ingest" in page


def test_no_match_is_not_an_empty_server(site: Site) -> None:
    """When filters leave nothing, the page says so and how to get out."""
    page = site.page("/?tag=nowhere")

    assert "No call matches" in page
    assert "log10_trace.patch()" not in page


def test_the_twins_of_the_list_are_its_own_filters(site: Site) -> None:
    """JSON, JSON Lines, CSV and Markdown of what is shown have its filters; text stays text in each."""
    hostile = "| <b>*bold*</b> `x` |"
    site.keep(completion(id="a", tags=["red"], request=asked(hostile)))
    site.keep(completion(id="b"))

    page = site.page("/?tag=red")
    texts = {form: site.browser.get(f"/completions.{form}?tag=red").text for form in ("jsonl", "csv", "md")}

    assert 'href="/completions.jsonl?tag=red"' in page
    assert [each["id"] for each in site.browser.get("/completions.json?tag=red").json()["completions"]] == [
        "a"
    ]
    assert all(text.count("\n") >= 1 and "Why is the sky" not in text for text in texts.values())
    assert "\\|" in texts["md"]
    assert "<b>" not in texts["md"]
    assert site.browser.get("/completions.exe").status_code == 404


def test_the_empty_page_says_where_the_demos_calls_go(site: Site) -> None:
    """The demo keeps its calls in a database of its own; the empty page does not promise them here."""
    hint = re.search(r"<p>[^<]*<code>log10-trace demo</code>.*?</p>", site.page("/"))

    assert hint is not None
    assert "a server and a database of the demo's own, not to this page" in hint[0]


@pytest.mark.parametrize("path", ["/", "/sessions"])
def test_a_filter_of_one_value_that_is_repeated_is_an_error_on_the_page(site: Site, path: str) -> None:
    """The page says which filter has two values, and offers to take each of them off."""
    page = site.page(f"{path}?model=a&model=b", 422)

    assert "model: It takes one value" in page


@pytest.mark.parametrize("path", ["/", "/sessions"])
def test_a_day_is_on_the_page_whole(site: Site, path: str) -> None:
    """From a day to the same day shows the calls of that day (UTC), and none of the next."""
    last, following = asked("the last"), asked("the next")
    site.keep(completion(session_id="s-1", request=last, created_at="2026-01-02T23:59:59.999Z"))
    site.keep(completion(session_id="s-2", request=following, created_at="2026-01-03T00:00:00Z"))

    page = site.page(f"{path}?since=2026-01-02&until=2026-01-02")

    assert "the last" in page
    assert "the next" not in page
