"""Draws the rows of the list of calls: written out here, since a page has fifty and is read most. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from log10_trace.domain import formatting
from log10_trace.domain.call_labels import FAILED, STARTED
from log10_trace.domain.times import rfc3339
from log10_trace.server.pages.calls.list_view import Row
from log10_trace.server.pages.sanitize import escape_html
from log10_trace.server.pages.urls import PageURL, call_path
from log10_trace.server.store.data_types import Passage

_UNKNOWN: Final = f'<span class="muted">{formatting.UNKNOWN}</span>'


def draw_rows(rows: Iterable[Row], address: PageURL, root: str, now_ms: int) -> Markup:
    """The rows of a list at ``address``, whose links begin with ``root``."""
    shown = _List(address, escape_html(root), now_ms)
    return Markup("".join([_draw_row(row, shown) for row in rows]))  # noqa: S704 -- all text in it was escaped


@dataclass(frozen=True, slots=True)
class _List:
    """What all rows have in common."""

    address: PageURL
    root: str
    """As HTML."""
    now_ms: int
    _links: dict[tuple[str, str], str] = field(default_factory=dict)

    def link(self, address: PageURL) -> str:
        """An address as the value of an attribute."""
        return f"{self.root}{escape_html(str(address))}"

    def link_with(self, name: str, value: str) -> str:
        """The list with one condition more; the rows repeat most of them."""
        if (name, value) not in self._links:
            add = self.address.adding_param if name == "tag" else self.address.with_param
            self._links[name, value] = self.link(add(name, value))
        return self._links[name, value]


def _draw_row(row: Row, shown: _List) -> str:
    labels, status = row.labels, escape_html(row.labels.display_status)
    call_id = escape_html(labels.id)
    tags = "".join(
        [f'<a class="tag" href="{shown.link_with("tag", tag)}">{_isolate(tag)}</a> ' for tag in labels.tags]
    )
    return (
        f'  <tr class="is-{status}" data-id="{call_id}">\n'
        f'    <td class="tick"><input type="checkbox" name="id" value="{call_id}" autocomplete="off"'
        f' aria-label="Compare {escape_html(row.request or labels.id)}"></td>\n'
        f'    <td class="when"><span class="condition is-{status}">{status}</span>\n'
        f" {_draw_moment(labels.began_ms, shown.now_ms)}</td>\n"
        f'    <td class="gist">{_draw_gist(row, shown)}</td>\n'
        f'    <td class="model">{_draw_model(row.model, shown)}</td>\n'
        f'    <td class="tags">{tags}</td>\n'
        f'    <td class="number tokens">{_draw_tokens(row.input_tokens, row.output_tokens)}</td>\n'
        f'    <td class="number cost">{_draw_cost(row.cost)}</td>\n'
        f'    <td class="number time">{_draw_time(row, shown.now_ms)}</td>\n'
        "  </tr>\n"
    )


def _draw_moment(began_ms: int | None, now_ms: int) -> str:
    if began_ms is None:
        return '<span class="muted">no time</span>'
    moment, title = rfc3339(began_ms), formatting.clock(began_ms)
    ago = formatting.relative_time(began_ms, now_ms)
    return f'<time datetime="{moment}" data-age title="{title}">{ago}</time>'


def _draw_gist(row: Row, shown: _List) -> str:
    asked = _mark(row.request_pieces) if row.request else "no text"
    link = shown.link(shown.address.with_path(call_path(row.labels.id)))
    gist = f'<a class="whole" href="{link}"><bdi>{asked}</bdi></a>\n'
    tool = f'<span class="from">tool</span> {_isolate(row.tool)} ' if row.tool else ""
    if row.labels.status == FAILED:
        gist += _draw_failure(row, shown)
    elif row.labels.status == STARTED:
        gist += f'<p class="muted">{tool}waiting for the answer</p>\n'
    elif not row.passage:
        answer = f'{tool}<span class="from">answer</span> ' if row.tool else ""
        gist += f'<p class="muted">{answer}{_isolate(row.response or "no text")}</p>'
    return gist + (_draw_passage(row.passage) if row.passage else "")


def _draw_failure(row: Row, shown: _List) -> str:
    labels, site = row.labels, row.call_site
    kind, reason = escape_html(labels.failure_kind or "Failed"), labels.failure_reason or row.response
    failure = f'<p class="wrong"><bdi><b>{kind}</b> {escape_html(reason)}</bdi></p>'
    if site is None or not row.place:
        return failure
    of_site = shown.address.with_param("file", site.file).with_param("function", site.function or "")
    link = f'<a href="{shown.link(of_site)}" title="{escape_html(site.file)}">'
    function = f' <span class="muted">in {_isolate(site.function)}</span>' if site.function else ""
    return f'{failure}<p class="place">{link}{_isolate(row.place)}</a>{function}</p>'


def _draw_passage(found: Passage) -> str:
    """Where the words of a search occur."""
    field = escape_html(found.field)
    return f'<p class="passage"><span class="from">{field}</span> <bdi>{_mark(found.pieces)}</bdi></p>\n'


def _draw_model(model: str, shown: _List) -> str:
    return f'<a href="{shown.link_with("model", model)}">{_isolate(model)}</a>' if model else ""


def _draw_tokens(given: int | None, made: int | None) -> str:
    if given is None and made is None:
        return _UNKNOWN
    title = f"{formatting.count(given)} in, {formatting.count(made)} out"
    arrow = '<span class="muted">→</span>'
    numbers = f"{formatting.compact_number(given)} {arrow} {formatting.compact_number(made)}"
    return f'<span title="{title}">{numbers}</span>'


def _draw_cost(cost: float | None) -> str:
    return _UNKNOWN if cost is None else escape_html(formatting.dollars(cost))


def _draw_time(row: Row, now_ms: int) -> str:
    began_ms = row.labels.began_ms
    if row.labels.status != STARTED or began_ms is None:
        return formatting.duration(row.labels.duration)
    running = formatting.duration(max((now_ms - began_ms) // 1000, 0))
    return f'<span class="running" data-began="{began_ms}">{running}</span>'


def _mark(pieces: Iterable[tuple[str, bool]]) -> str:
    return "".join(
        [
            f"<mark>{escape_html(text)}</mark>" if is_marked else escape_html(text)
            for text, is_marked in pieces
        ]
    )


def _isolate(text: str) -> str:
    """Text whose direction is its own."""
    return f"<bdi>{escape_html(text)}</bdi>"
