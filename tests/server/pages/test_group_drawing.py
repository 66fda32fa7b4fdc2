"""The rows of groups, as they are written out, and the addresses in them."""

from __future__ import annotations

import pytest

from log10_trace.server.pages.chart import Bar
from log10_trace.server.pages.overview.change import Change
from log10_trace.server.pages.overview.columns import Number
from log10_trace.server.pages.overview.group_drawing import draw_groups
from log10_trace.server.pages.overview.tables import Row
from log10_trace.server.pages.urls import PageURL

HOSTILE = '"><script>\u202e\x07&'


def test_a_row_is_escaped_as_a_template_escapes_it() -> None:
    """Names, addresses, titles, numbers and changes."""
    numbers = (
        Number(HOSTILE, HOSTILE, f"/?q={HOSTILE}", Change(HOSTILE, "up"), is_bad=True),
        Number("Calls", "<1", "", None),
    )
    row = Row(HOSTILE, f"/?q={HOSTILE}", numbers, (Bar(0.0, 1.0, 1.0, HOSTILE),))

    drawn = str(draw_groups([row], HOSTILE, HOSTILE))

    assert "<script" not in drawn
    assert drawn.count("&gt;&lt;script&gt;\\u202e\\x07&amp;") == 10
    assert '<td class="number" data-title="Calls">&lt;1</td>' in drawn


def test_a_group_without_a_name_leads_nowhere() -> None:
    """And one without a step has no chart."""
    row = Row("no model", "", (Number("Calls", "1", "", None),), ())

    drawn = str(draw_groups([row], "Cost by day", "/root"))

    assert drawn == (
        '    <tr>\n      <th scope="row"><bdi>no model</bdi></th>\n'
        '      <td class="trend"></td>\n      <td class="number" data-title="Calls">1</td>\n    </tr>\n'
    )


@pytest.mark.parametrize("pairs", [(), (("a", "b c"),), (("status", "x"), ("a", "b")), (("cursor", "1"),)])
def test_an_address_with_one_more_condition_is_written_as_it_is_made(
    pairs: tuple[tuple[str, str], ...],
) -> None:
    """Whether it has the condition already, or a page to begin with."""
    url = PageURL("/", pairs)

    assert url.write_with_param(str(url), "status", "a+b") == str(url.with_param("status", "a+b"))
