"""Markdown of strangers: it is laid out, and it does nothing."""

from __future__ import annotations

import re

import pytest

from log10_trace.server.pages.call.json_tree import render_json
from log10_trace.server.pages.call.markdown import MAX_CHARACTERS, render_markdown
from tests.server.pages.test_hostile import HOSTILE, Tags

ELSEWHERE = "https://evil.example/x.png"

ELEMENTS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}

TRICKS = {
    **HOSTILE,
    "a script": "<script>alert(1)</script>\n\n<b onclick=alert(1)>x</b>",
    "an address of script": "[x](javascript:alert(1)) [y](JaVaScRiPt:x) [z](java&#115;cript:x)",
    "an address of data": "[x](data:text/html;base64,PHNjcmlwdD4=) [y](vbscript:x) [z](file:///etc/passwd)",
    "an address of this server": "[x](/logout) [y](//evil.example) [z](?a) [w](#b) [v](completions/x/delete)",
    "a picture": f"![x]({ELSEWHERE}) ![y](/logout) ![a][b]\n\n[b]: {ELSEWHERE}",
    "a title": '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    "a class": '<p class="top" id="main" style="position:fixed">x</p>',
    "a heading": "# Sign in again\n\nTitle\n===",
    "references to signs": "&#x202e;txt&#x202c; &#0; &#xd800; &lt;script&gt;",
    "a fence that names a class": '```<script>" onload=x\nx\n```',
    "a wide table": "|a|b|\n|-|:-:|\n|<script>|![x](https://evil.example/y)|",
}


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS.keys())
def test_rendered_markdown_does_nothing(text: str) -> None:
    """Only elements that lay text out, links to whole addresses, and no sign that steers."""
    html = render_markdown(text)
    assert html is not None
    tags = Tags(html)

    assert tags.elements <= ELEMENTS
    assert {name for name, _ in tags.attributes} <= {"href", "rel", "class", "start"}
    assert all(re.match(r"(https?:|mailto:)", link) for link in tags.links)
    assert html.count("<a ") == html.count('rel="noopener noreferrer nofollow"')
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", html)


def test_markdown_is_laid_out() -> None:
    """Emphasis, lists, code, links, tables and line breaks are what they are."""
    html = render_markdown("**a** [b](https://c.example)\nd\n\n- e\n\n```py\nf()\n```\n\n|g|\n|-|\n|h|")

    assert html is not None
    for expected in (
        "<strong>a</strong>",
        'href="https://c.example"',
        "<br>",
        "<li>e</li>",
        "f()\n</code></pre>",
        "<td>h</td>",
    ):
        assert expected in html


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_CHARACTERS + 1),
        "[" * 1_000,
        "![" * 1_000,
        "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n" + "|\n" * 200,
    ],
    ids=["long", "brackets", "pictures", "table"],
)
def test_what_takes_long_to_render_is_not_rendered(text: str) -> None:
    """A text above a size, and one whose links or cells could take time with its square, stays as it came."""
    assert render_markdown(text) is None


@pytest.mark.parametrize(
    "text", ["> " * 5_000, "- " * 5_000, "*a **b" * 1_900, "`" * 11_000, "&#0;" * 2_900, "\0" * 11_000]
)
def test_deep_and_strange_markdown_stays_small(text: str) -> None:
    """Nesting is bounded, and the result is no multiple of what came."""
    assert len(render_markdown(text) or "") < 10 * MAX_CHARACTERS


def test_references_do_not_repeat_a_long_address() -> None:
    """A long address that is named a thousand times would make a page of megabytes."""
    assert len(render_markdown(f"[a]: http://{'x' * 5_000}\n\n" + "[a] " * 300) or "") < 2 * MAX_CHARACTERS


def test_json_is_folded_token_by_token() -> None:
    """Numbers, escapes and order stay as they are spelled; short arrays and objects stand on one line."""
    html = render_json(r'{"n":1.0e0,"s":"\u0041<b>","list":[1,{"a":[]}],"long":{"k":"' + "x" * 80 + '"}}')

    assert html is not None
    text = re.sub(r"<[^>]*>", "", html)
    for spelled in ("1.0e0", r"\u0041&lt;b&gt;", "[1, {&#34;a&#34;: []}]"):
        assert spelled in text
    assert html.count("<details open>") == 2


@pytest.mark.parametrize(
    "text", ["[]", "no", "{bad}", '"text"', "[" * 60 + "]" * 60, "[" + "1," * 9_000 + "1]", '{"a":1', ""]
)
def test_what_folds_to_nothing_is_left_alone(text: str) -> None:
    """Other texts, broken JSON, and JSON that is very deep or long."""
    assert render_json(text) is None
