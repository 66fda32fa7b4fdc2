"""Strangers' text on every page: it is read, and it does nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from log10_trace.server.pages.urls import compare_path, list_path
from tests.server.pages.page_client import Site, chat_response, completion

HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "a handler": "<img src=x onerror=alert(1)>",
    "an end of the text": '</pre></section><a href="javascript:alert(1)">x</a>',
    "an attribute breaker": '" onmouseover="alert(1)" x=\'',
    "a template": "{{ 7*7 }}{% raw %}${7*7}",
    "a comment": "--><!--<style>*{display:none}</style>",
    "terminal colours": "\x1b[31mred\x1b[0m",
    "NUL": "a\x00b",
    "turned around": "\u202egnp.exe\u202c \u2066x",
    "half a pair": "\ud83d and \udc00",
    "a line separator": "a\u2028b\u2029c",
    "an address": "javascript:alert(1)",
}


LINKS = ("action", "data-copy", "formaction", "href", "poster", "src", "srcset")


class Tags(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    @property
    def links(self) -> list[str]:
        """Every address that a click, a form or the browser itself would follow."""
        return [value or "" for name, value in self.attributes if name in LINKS]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.add(tag)
        self.attributes += attrs


def everywhere(text: str) -> dict[str, Any]:
    """A completion with the text wherever the API takes any."""
    message = {
        "role": text,
        "name": text,
        "content": [
            {"type": "text", "text": text},
            {"type": text, text: text},
            {"type": "file", "file": {"filename": text}},
        ],
        "tool_calls": [{"id": text, "function": {"name": text, "arguments": text}}],
        "tool_call_id": text,
    }
    response = chat_response(
        text, refusal=text, reasoning_content=text, audio={"transcript": text, "format": text}
    )
    return completion(
        status="failed",
        request={
            "model": text,
            "messages": [message],
            "tools": [{"function": {"name": text, "description": text}}],
            "user": text,
        },
        response={**response, "model": text, "error": {"message": text}},
        failure_reason=text,
        stacktrace=[{"file": text, "line": text, "lineno": 1, "name": text}],
        base_url=text,
        metadata={text: text},
    )


def labelled(text: str) -> dict[str, Any]:
    """A completion with the text in the labels, which take no control characters."""
    return completion(
        tags=[text], session_id=text, failure_kind=text, request_id=text, source=text, endpoint=text
    )


def pages_of(site: Site, record: dict[str, Any]) -> list[str]:
    call_id = site.keep({**record, "session_id": record.get("session_id", "s")})
    session = re.search(r'href="(/sessions/[^"]+)"', site.page("/sessions"))
    word = next(iter(re.findall("[a-z]{3,}", record["request"]["model"])), "")
    found = [
        site.page("/"),
        site.page(f"/completions/{call_id}"),
        site.page(f"/completions/{call_id}?show=all"),
        site.page(list_path(q=word)),
        site.page(compare_path(call_id, site.keep(completion()))),
    ]
    return [*found, site.page(session[1])] if session else found


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_text_is_never_markup(site: Site, text: str) -> None:
    """No element, no attribute and no address of any page comes out of a record, wherever the text stands."""
    calm = [Tags(page) for page in pages_of(site, everywhere("calm"))]
    hostile = [Tags(page) for page in pages_of(site, everywhere(text))]

    for before, after in zip(calm, hostile, strict=True):
        assert after.elements <= before.elements | {"ul", "li"}
        assert not [name for name, _ in after.attributes if name.startswith("on") or name == "style"]
        assert not [value for value in after.links if not value.startswith(("/", "#", "data:image/png"))]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_on_a_page_steers_the_eye(site: Site, text: str) -> None:
    """No control character, no turned direction and no half of a pair reaches the browser."""
    for page in pages_of(site, everywhere(text)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", page)


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if text.isprintable()])
def test_labels_are_never_markup(site: Site, text: str) -> None:
    """Tags and ids are text too, in links as well."""
    for page in pages_of(site, labelled(text)):
        tags = Tags(page)
        assert not [name for name, _ in tags.attributes if name.startswith("on")]
        assert "<script>alert" not in page
        assert not [
            value for name, value in tags.attributes if name == "href" and (value or "")[:1] not in "/#?"
        ]


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if "\x00" not in text])
def test_what_is_asked_for_is_never_markup(site: Site, text: str) -> None:
    """A link with a hostile filter, sent to a user, does nothing on the user's page."""
    answer = site.browser.get(
        "/",
        params={"q": text.encode("utf-8", "replace"), "tag": "x", "model": text.encode("utf-8", "replace")},
    )

    assert not [name for name, _ in Tags(answer.text).attributes if name.startswith("on") or name == "style"]
    assert "<script>alert" not in answer.text


def test_a_megabyte_in_every_place_still_makes_a_page(site: Site) -> None:
    """Large texts everywhere at once are cut, each with a way to the whole."""
    for page in pages_of(site, everywhere("<b>" * 100_000))[:2]:
        assert len(page) < 1_500_000


def test_every_answer_forbids_what_pages_do_not_need(site: Site) -> None:
    """No script but the site's own, no frame around it, nothing from elsewhere, nothing kept."""
    headers = site.browser.get("/").headers

    assert headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
