"""Markdown of a message as HTML that can do nothing: a renderer, and a sanitizer behind it. Pure.

A record's text is a stranger's. Its HTML stays text, its pictures are named and never loaded, its links lead
to http, https and mailto only and open nothing by themselves, its headings are no headings of the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from log10_trace.server.pages.sanitize import escape_control_characters

MAX_CHARACTERS: Final = 12_000
"""Of one text. Some texts take time with the square of their length; longer ones stay plain."""
_MAX_BRACKETS: Final = 400
"""Each may begin a link, whose end is looked for up to the end of the text."""
_MAX_CELLS: Final = 4_000
"""Of a table: one with many columns fills every short row up to all of them."""
_TAGS: Final = frozenset(
    ("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span",
     "table", "thead", "tbody", "tr", "th", "td")
)  # fmt: skip
_SCHEMES: Final = frozenset(("http", "https", "mailto"))
_ABSOLUTE: Final = re.compile(r"(?:https?|mailto):", re.IGNORECASE)


def _keep_attribute(_tag: str, name: str, value: str) -> str | None:
    """A link within this server could be a button of it, so only whole addresses stay."""
    if name == "href":
        return value if _ABSOLUTE.match(value) else None
    return value if name in ("class", "rel", "start") else None


_cleaner: Final = nh3.Cleaner(
    tags=set(_TAGS),
    attributes={"a": {"href"}, "ol": {"start"}},
    attribute_filter=_keep_attribute,
    allowed_classes={"p": {"heading"}, "span": {"placeholder"}},
    link_rel="noopener noreferrer nofollow",
    url_schemes=set(_SCHEMES),
)


def _open_heading(_renderer: RendererHTML, *_: Any) -> str:
    return '<p class="heading"><strong>'


def _close_heading(_renderer: RendererHTML, *_: Any) -> str:
    return "</strong></p>\n"


def _name_picture(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    named = " ".join(word for word in (tokens[at].content, str(tokens[at].attrGet("src") or "")) if word)
    return f'<span class="placeholder">image, not loaded: {escapeHtml(named)}</span>'


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    # Reference links repeat a long address as often as its short name is written.
    parser.enable(["table", "strikethrough"]).disable(["reference"])
    parser.add_render_rule("heading_open", _open_heading)
    parser.add_render_rule("heading_close", _close_heading)
    parser.add_render_rule("image", _name_picture)
    return parser


_parser: Final = _make_parser()


@lru_cache(maxsize=256)
def render_markdown(text: str) -> Markup | None:
    """The text as HTML; None when rendering it would take too long, and it is better shown as it is."""
    if len(text) > MAX_CHARACTERS or text.count("[") > _MAX_BRACKETS or _count_cells(text) > _MAX_CELLS:
        return None
    html = _parser.render(escape_control_characters(text)[: 2 * MAX_CHARACTERS])
    # Once more: a reference such as &#x202e; is a character only now.
    return Markup(escape_control_characters(_cleaner.clean(html)))  # noqa: S704 -- it was sanitized


def _count_cells(text: str) -> int:
    """At most how many cells the tables of the text have."""
    return max((line.count("|") for line in text.splitlines()), default=0) * text.count("\n")
