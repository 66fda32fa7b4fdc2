"""The rows of the list of calls, as they are written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from log10_trace.domain.formatting import UNKNOWN
from log10_trace.server.pages.call_fields import labels
from log10_trace.server.pages.calls.list_view import Row
from log10_trace.server.pages.calls.row_drawing import draw_rows
from log10_trace.server.pages.urls import PageURL
from log10_trace.server.store.data_types import CallSite, Passage

HOSTILE: Final = "<b>\"'&\x1b\x00\u202e</b>"
SHOWN: Final = "&lt;b&gt;&#34;&#39;&amp;\\x1b\\x00\\u202e&lt;/b&gt;"
ADDRESS: Final = PageURL("/", (("q", HOSTILE), ("cursor", "1")))
NOW_MS: Final = 1_800_000_000_000


def row_of(status: str) -> Row:
    """A row in which every text is hostile."""
    values = {"status": status, "tags": [HOSTILE], "failure_kind": HOSTILE, "failure_reason": HOSTILE}
    return Row(
        labels=labels(HOSTILE, values),
        model=HOSTILE,
        input_tokens=1_234,
        output_tokens=None,
        cost=0.00001,
        request=HOSTILE,
        request_pieces=((HOSTILE, False), (HOSTILE, True)),
        tool=HOSTILE,
        response=HOSTILE,
        call_site=CallSite(HOSTILE, 1, HOSTILE),
        passage=Passage(field="request", text=HOSTILE, ranges=((0, 3),)),
    )


@pytest.mark.parametrize("status", ["started", "finished", "failed"])
def test_no_text_of_a_call_is_markup(status: str) -> None:
    """Each text of a row is shown as it is, whatever HTML takes it for; no control character is left."""
    row = row_of(status)

    drawn = draw_rows([row, replace(row, passage=None)], ADDRESS, HOSTILE, NOW_MS)

    assert f"<mark>{SHOWN}</mark>" in drawn
    assert f'aria-label="Compare {SHOWN}"' in drawn
    assert f'href="{SHOWN}/?q=' in drawn
    assert "<b>&lt;" in drawn if status == "failed" else "<b>" not in drawn
    assert not {"\x1b", "\x00", "\u202e"} & set(drawn)
    assert "cursor" not in drawn
    assert drawn.count("<tr ") == 2


def test_what_is_not_known_of_a_call_is_a_dash() -> None:
    """Tokens and cost that no response stated are no zeros; a cost too small to write is no markup."""
    row = row_of("finished")

    unknown = draw_rows([replace(row, input_tokens=None, cost=None)], ADDRESS, "", NOW_MS)
    known = draw_rows([row], ADDRESS, "", NOW_MS)

    assert unknown.count(f'<span class="muted">{UNKNOWN}</span>') == 2
    assert (
        f'<span title="1,234 in, {UNKNOWN} out">1.23k <span class="muted">→</span> {UNKNOWN}</span>' in known
    )
    assert '<td class="number cost">&lt;$0.0001</td>' in known
