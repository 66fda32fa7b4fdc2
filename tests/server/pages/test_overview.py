"""The Overview page: figures and tables of a span, their change, and where each number leads."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import Any

import pytest

from log10_trace.local_server import LocalServer
from log10_trace.server.pages.overview.change import change_of
from log10_trace.server.pages.overview.links import group_params
from log10_trace.server.pages.overview.span import Span, make_span
from log10_trace.server.store.common import rollup_reading
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.page_client import Site, chat_response, completion, post, sign_in

DAY_MS = 86_400_000
NOW_MS = 1_772_366_400_000 + 5_000_000
HOSTILE = '"><script>document.title="stolen"</script><b>'


def ago(hours: float) -> str:
    """A time so many hours ago."""
    return (datetime.now(timezone.utc) - timedelta(hours=hours)).isoformat()


def called(hours: float, model: str = "gpt-4o", tokens: int = 1_000_000, **fields: Any) -> dict[str, Any]:
    """A call that began so long ago and cost 2.5 dollars a million tokens."""
    response = chat_response("x") | {"model": model}
    response["usage"] = {"prompt_tokens": tokens, "completion_tokens": 0}
    request = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return completion(created_at=ago(hours), request=request, response=response, **fields)


def site_of(name: str, file: str = "/srv/app.py") -> list[dict[str, Any]]:
    """A stack that ends in this function."""
    return [{"file": file, "line": "ask()", "lineno": 4, "name": name}]


def failed(hours: float, kind: str | None = "RateLimitError", **fields: Any) -> dict[str, Any]:
    """A failed call."""
    return completion(created_at=ago(hours), status="failed", response=None, failure_kind=kind, **fields)


def addresses(page: str) -> list[str]:
    """All addresses of links on a page."""
    return [unescape(found) for found in re.findall(r'href="(/[^"]*)"', page)]


def test_numbers_lead_to_the_calls_behind_them(site: Site) -> None:
    """Each link of the page leads to as many calls as its number says, hostile names included."""
    names: dict[str, Any] = {"tags": [HOSTILE, "t:1"], "session_id": f"s {HOSTILE}"}
    site.keep(called(1, stacktrace=site_of(f"ask{HOSTILE}", f"/x:1/{HOSTILE}.py"), **names))
    site.keep(called(2, model=HOSTILE))
    site.keep(failed(3, HOSTILE, **names))
    site.keep(failed(3, None))

    page = site.page("/overview")

    assert "<script>document" not in page
    numbers = re.findall(r'data-title="(Calls|Failed)"><a[^>]* href="([^"]*)">([\d,]+)</a>', page)
    assert len(numbers) >= 2 * 7
    for _title, address, number in numbers:
        listed = site.browser.get("/api/v1/completions" + unescape(address).removeprefix("/")).json()
        assert len(listed["completions"]) == int(number), address
    for address in set(addresses(page)) - {"/settings"}:  # for administrators
        assert site.browser.get(address).status_code == 200, address


def test_tables_are_sorted_and_compared_with_the_span_before(site: Site) -> None:
    """Cost comes first; each row and figure says how it changed, and the twin gives the same as JSON."""
    site.keep(called(1, tokens=4_000_000, stacktrace=site_of("dear"), time_to_first_token=0.2))
    for _ in range(3):
        site.keep(called(2, tokens=1_000_000, stacktrace=site_of("frequent")))
    site.keep(called(26, tokens=2_000_000, stacktrace=site_of("dear")))

    page = site.page("/overview?since=24h&by=call_site")
    by_calls = site.page("/overview?since=24h&by=call_site&sort=calls")
    twin = json.loads(site.browser.get("/overview.json?since=24h").text)

    names = r"<bdi>/srv/app.py:(\w+)</bdi>"
    assert re.findall(names, page) == ["dear", "frequent"]
    assert re.findall(names, by_calls) == ["frequent", "dear"]
    assert 'aria-sort="descending"><a href="/overview?since=24h&amp;by=call_site&amp;sort=calls' in by_calls
    (dear,) = [each for each in twin["groups"]["call_site"] if each["key"] == "/srv/app.py:dear"]
    assert (dear["cost"], dear["before"]["cost"]) == (pytest.approx(10.0), pytest.approx(5.0))
    assert '$10.00</a> <small class="change is-up">+100 %</small>' in page
    assert (twin["total"][0]["calls"], twin["total_before"]["calls"]) == (4, 1)
    assert twin["total"][0]["first_token_p95"] == pytest.approx(0.2, rel=0.05)
    assert 'id="model"' not in page


def test_a_key_of_the_metadata_is_a_table(site: Site) -> None:
    """Cost per user: a row a value, which leads to its calls; the call's page leads to the table."""
    site.keep(called(1, tokens=4_000_000, metadata={"user_id": "ada"}))
    kept = site.keep(called(2, tokens=1_000_000, metadata={"user_id": 7, "plan": "pro"}))

    page = site.page("/overview?since=24h&by=metadata.user_id")
    twin = json.loads(site.browser.get("/overview.json?since=24h&by=metadata.user_id").text)

    assert "Metadata: user_id" in page
    assert [each["key"] for each in twin["groups"]["metadata.user_id"]] == ["ada", "7"]
    assert re.findall(r"<bdi>(ada|7)</bdi>", page) == ["ada", "7"]
    assert "metadata=user_id%3Dada" in page
    assert "/overview?by=metadata.user_id" in site.page(f"/completions/{kept}")


def test_the_overview_is_there_as_markdown(site: Site) -> None:
    """Figures with their changes, each table and each step; hostile names stay on their line, as text."""
    site.keep(called(1, tokens=4_000_000, stacktrace=site_of("dear"), tags=[HOSTILE, "a|b # c"]))
    site.keep(called(26, tokens=2_000_000, stacktrace=site_of("dear")))
    site.keep(failed(2))

    answer = site.browser.get("/overview.md?since=24h")
    lines = answer.text.splitlines()
    alone = site.browser.get("/overview.md?since=24h&by=call_site").text

    assert answer.headers["content-type"].startswith("text/markdown")
    assert "| Cost | \\$10.00 \\(\\+100 %\\) |  |" in lines
    assert [line for line in lines if line.startswith("#")] == [
        "# Overview",
        *(f"## {title}" for title in ("Call sites", "Models", "Tags", "Failures", "Over time")),
    ]
    (site_row,) = [line for line in lines if "dear" in line]
    assert site_row.startswith("| /srv/app.py:dear | \\$10.00 \\(\\+100 %\\) | 1 \\(same\\) | 0 |")
    assert "a\\|b \\# c" in answer.text
    assert "<script" not in answer.text.replace("\\<", "")
    steps = lines[lines.index("## Over time") + 4 :]
    page = site.page("/overview?since=24h")
    assert len(steps) == page.split('id="chart-cost"')[1].split("</figure>")[0].count('class="step"')
    assert "## Models" not in alone
    assert 'href="/overview.md?since=24h"' in page


def test_the_markdown_of_an_empty_span_says_so(site: Site) -> None:
    """The span is named; the query is checked as the page checks it."""
    assert "No call in this span of time." in site.browser.get("/overview.md").text
    assert site.browser.get("/overview.md?since=never").status_code == 422


def test_an_empty_span_says_so(site: Site) -> None:
    """Without calls there are no figures; what cannot be understood is refused."""
    assert "No call in this span" in site.page("/overview")
    for query in ("since=never", "sort=colour", "by=none&until=x", "by=text", "by=metadata.", "more=1"):
        site.page(f"/overview?{query}", 422)


@pytest.mark.parametrize(
    ("since", "length_ms", "begins_ms"),
    [("1h", 3_600_000, 60_000), ("24h", DAY_MS, 3_600_000), ("7d", 7 * DAY_MS, DAY_MS), ("2026-01-01", 1, 1)],
)
def test_a_span_of_so_long_begins_with_a_step(since: str, length_ms: int, begins_ms: int) -> None:
    """Whole steps look alike; the span before is as long and ends where this one begins."""
    span = make_span(since, NOW_MS - length_ms, None, NOW_MS)
    before = span.calls_before

    assert span.since_ms % begins_ms == 0
    assert 0 <= NOW_MS - length_ms - span.since_ms < begins_ms
    assert before.until_ms == span.since_ms
    assert before.since_ms is not None
    assert 0 <= (span.since_ms - before.since_ms) - (NOW_MS - span.since_ms) < 3_600_000


def test_a_span_of_the_past_is_one(site: Site) -> None:
    """A start in the far past, or one that lies ahead, breaks nothing."""
    site.keep(called(1))
    spans = (("1970-01-01", ""), ("99999d", ""), ("2h", "1h"), ("1h", "2h"), ("2099-01-01", ""))
    ends_of_time = (
        ("0001-01-01", "9999-12-31"),
        ("9999-12-31", ""),
        ("9999-12-31T23:59:59.999Z", "0001-01-01"),
    )
    for since, until in spans + ends_of_time:
        site.page(f"/overview?since={since}&until={until}")
    assert Span(0, None, NOW_MS).calls_before.since_ms == 0


@pytest.mark.parametrize(
    ("figure", "before", "text"),
    [
        (2.0, 1.0, "+100 %"), (1.0, 2.0, "\N{MINUS SIGN}50 %"), (1.001, 1.0, "same"), (1.0, 0.0, "new"),
        (50.0, 2.0, "25 times"), (None, 1.0, None), (1.0, None, None), (0.0, 0.0, None),
    ],
)  # fmt: skip
def test_changes_in_words(figure: float | None, before: float | None, text: str | None) -> None:
    """What is not known has no change; what is many times as much is said so."""
    change = change_of(figure, before, is_new=False)
    assert (change and change.text) == text


def test_a_call_site_is_found_by_file_and_function() -> None:
    """The file's name may hold colons."""
    assert group_params("call_site", "C:/a.py:f") == (("file", "C:/a.py"), ("function", "f"))


@pytest.mark.browser
@pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}")
def test_the_page_in_a_browser(tmp_path_factory: pytest.TempPathFactory, window: chromium.Tab) -> None:
    """Pointing says what a step is; dragging and the keyboard select a span; columns sort."""
    with processes.server(tmp_path_factory.mktemp("overview") / "log10") as server:
        records = [called(hours, tags=[HOSTILE], stacktrace=site_of(HOSTILE)) for hours in (1, 30, 100)]
        post(server, *records, failed(2, HOSTILE, session_id=HOSTILE))
        sign_in(window, server)
        window.resize(1280)
        _select_by_dragging(window, server)
        _select_by_keyboard(window, server)

        window.open(f"{server.url}/overview")
        window.ask("[...document.querySelectorAll('#tag thead a')].at(-1).click()")
        window.wait_for_load()
        assert window.ask("new URLSearchParams(location.search).get('sort')") == "first_token_p95"
        assert window.ask("document.title").startswith("Overview")
        assert window.complaints == []


def _select_by_dragging(window: chromium.Tab, server: LocalServer) -> None:
    window.open(f"{server.url}/overview?sort=calls")
    box = window.ask(
        "(({left, top, width}) => ({left, top, width}))"
        "(document.querySelector('#chart-calls .plot').getBoundingClientRect())"
    )
    y = box["top"] + 40

    def move(kind: str, share: float) -> None:
        x = box["left"] + box["width"] * share
        window.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    move("mouseMoved", 0.25)
    tip = window.ask("document.querySelector('#chart-calls .tip:not([hidden])').textContent")
    assert re.search(r"UTC\nnot failed: \d+\nfailed: 0$", tip)
    move("mousePressed", 0.25)
    move("mouseMoved", 0.5)
    move("mouseReleased", 0.75)
    window.wait_for_load()
    asked = window.ask("Object.fromEntries(new URLSearchParams(location.search))")
    assert asked["sort"] == "calls"
    span_ms = (_moment(asked["until"]) - _moment(asked["since"])).total_seconds() * 1000
    assert abs(span_ms - 0.25 * 7.5 * DAY_MS) < 0.1 * 7.5 * DAY_MS


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _select_by_keyboard(window: chromium.Tab, server: LocalServer) -> None:
    window.open(f"{server.url}/overview?since=24h")
    window.ask("document.querySelector('#chart-cost .plot').focus()")
    window.press("ArrowLeft")
    for _ in range(2):
        window.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft", modifiers=8)
    window.press("Enter")
    window.wait_for_load()
    asked = window.ask("Object.fromEntries(new URLSearchParams(location.search))")
    assert "until" not in asked, "a span that ends now stays open"
    assert 2 * 3600 <= time.time() - _moment(asked["since"]).timestamp() < 3 * 3600 + 60


@pytest.mark.parametrize(
    ("sort", "note"),
    [
        ("cost", ""),
        ("failed", "Sorted among a hundred groups: those that cost most and those that have most calls."),
        ("key", "Sorted among a hundred groups: those that have most calls."),
    ],
)
def test_a_table_says_among_which_groups_it_is_sorted(
    site: Site, monkeypatch: pytest.MonkeyPatch, sort: str, note: str
) -> None:
    """Where only the largest groups are looked at, the page says so; cost and calls are of all groups."""
    monkeypatch.setattr(rollup_reading, "GROUPS", 3)
    for number in range(4):
        site.keep(called(number + 1, tags=[f"t{number}"]))

    assert note in site.page(f"/overview?sort={sort}&by=tag")
    assert ("Sorted among" in site.page(f"/overview?sort={sort}")) == bool(note)
