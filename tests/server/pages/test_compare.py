"""The Compare page: two calls side by side, their differences marked, and its twins."""

from __future__ import annotations

import json
import re
from typing import Any

from log10_trace.server.pages.urls import compare_path
from tests.server.pages.page_client import ORGANIZATION, Site, chat_response, completion


def keep(site: Site, *texts: str, answer: str = "Fine.", **fields: Any) -> str:
    messages = [{"role": "user", "content": text} for text in texts]
    parameters = {"temperature": fields.pop("temperature", 0)}
    request = {"model": "gpt-4o-mini", "messages": messages, **parameters}
    return site.keep(completion(request=request, response=chat_response(answer), **fields))


def test_what_differs_is_marked_and_what_is_equal_folded(site: Site) -> None:
    """Facts have their change, texts the words that differ; equal messages stand in a fold."""
    a = keep(site, "Hello.", "Answer in French.", answer="Bonjour.", duration=1.0)
    b = keep(site, "Hello.", "Answer in German.", "Thanks.", answer="Hallo.", duration=2.5, temperature=0.7)

    page = site.page(compare_path(a, b))

    assert re.search(r"duration</th>.*?1 s.*?2\.5 s.*?\+1\.5 s \(\+150 %\)", page, re.DOTALL)
    assert "Answer in <del>French</del>.</pre>" in page
    assert "Answer in <ins>German</ins>.</pre>" in page
    assert "<del>Bonjour</del>.</pre>" in page
    assert "<del>0</del>" in page
    assert "<ins>0.7</ins>" in page
    assert "only in B" in page
    assert "<summary>1 equal message</summary>" in page
    assert f'href="/completions/{b}#asked-3"' in page
    assert f'href="{compare_path(b, a).replace("&", "&amp;")}"' in page
    assert "1 equal message" in site.page(f"/compare?id={a}&id={b}")


def test_the_twins_tell_the_same(site: Site) -> None:
    """JSON and Markdown of the comparison; nothing in a record ends the fence it stands in."""
    a = keep(site, "```\nold\n```` <b>", "same")
    b = keep(site, "```\nnew\n```` <b>", "same")

    told = site.browser.get(compare_path(a, b).replace("?", ".json?")).json()
    document = site.browser.get(compare_path(a, b).replace("?", ".md?"))

    assert [told["a"], told["b"], told["changed"]] == [a, b, 1]
    assert told["messages"][0]["segments"][1] == {"a": "old", "b": "new"}
    assert document.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "`````\n```\n[-old-]{+new+}\n```` <b>\n`````" in document.text
    assert "… 1 equal …" in document.text


def test_calls_that_cannot_be_compared_have_a_clear_page(site: Site) -> None:
    """None chosen, one missing or deleted, three ticked, one twice, one running: each page says so."""
    call_id = keep(site, "Hello.")
    gone = keep(site, "Bye.")
    site.store.completions.delete_one(ORGANIZATION, gone).result()
    running = site.keep(completion(status="started", response=None, duration=None))

    assert "Compare two calls" in site.page("/compare")
    assert f'value="{call_id}"' in site.page(f"/compare?a={call_id}")
    assert "b: There is no such call." in site.page(compare_path(call_id, "unknown"), 404)
    assert re.search(
        r"a: This call was deleted on \d{4}-\d\d-\d\d", site.page(compare_path(gone, call_id), 404)
    )
    assert "two can be compared" in site.page("/compare?id=1&id=2&id=3", 422)
    assert "A and B are the same call" in site.page(compare_path(call_id, call_id))
    assert "Call B is still running" in site.page(compare_path(call_id, running))
    for path, status in ((compare_path(call_id, "unknown"), 404), ("/compare?a=x", 422)):
        assert site.browser.get(path.replace("?", ".json?")).status_code == status


def test_long_conversations_and_texts_stay_one_page(site: Site) -> None:
    """500 messages that differ and a megabyte of text are cut, with links to the whole."""
    long = "word " * 200_000
    a = keep(
        site, *(f"question {number} of a" for number in range(500)), f"{long}old {long}", "x" * 1_000_000
    )
    b = keep(
        site, *(f"question {number} of b" for number in range(500)), f"{long}new {long}", "y" * 1_000_000
    )

    page = site.page(compare_path(a, b))

    assert len(page) < 1_500_000
    assert page.count("<del>") >= 500
    assert "equal characters …" in page
    assert f'<a href="/completions/{a}#asked-502">' in page
    assert (
        len(json.loads(site.browser.get(compare_path(a, b).replace("?", ".json?")).text)["messages"]) == 502
    )
