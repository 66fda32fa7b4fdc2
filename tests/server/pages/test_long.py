"""Records with very much of something: the first and the last are shown, what lies between is counted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.pages.page_client import Site, completion

COUNT = 30_000
SAID = re.compile(r">\s*(said \d+)\s*<")


def message(number: int, role: str = "user") -> dict[str, Any]:
    """A message that can be told from all others."""
    return {"role": role, "content": f"said {number}"}


def part(number: int) -> dict[str, Any]:
    """A part of a message."""
    return {"type": "text", "text": f"said {number}"}


LONG = {
    "messages": {"request": {"messages": [message(n) for n in range(COUNT)]}},
    "prompts": {"request": {"prompt": [f"said {n}" for n in range(COUNT)]}},
    "choices": {"response": {"choices": [{"message": message(n, "assistant")} for n in range(COUNT)]}},
    "texts": {"response": {"choices": [{"text": f"said {n}"} for n in range(COUNT)]}},
    "tools": {"request": {"tools": [{"function": {"name": f"said {n}"}} for n in range(COUNT)]}},
    "parameters": {"request": {"messages": [], **{f"said {n}": n for n in range(COUNT)}}},
    "metadata": {"metadata": {f"said {n}": n for n in range(COUNT)}},
    "parts": {"request": {"messages": [{"role": "user", "content": [part(n) for n in range(COUNT)]}]}},
    "tool calls": {
        "response": {
            "choices": [
                {"message": {"tool_calls": [{"function": {"name": f"said {n}"}} for n in range(COUNT)]}}
            ]
        }
    },
    "frames": {"stacktrace": [{"file": "a.py", "lineno": n, "name": f"said {n}"} for n in range(COUNT)]},
}

WORDS = {
    "messages": "messages in between are not shown",
    "prompts": "messages in between are not shown",
    "choices": "choices in between are not shown",
    "texts": "choices in between are not shown",
    "parts": "parts in between, not shown",
    "frames": "frames in between are not shown",
}


@pytest.mark.parametrize("show", ["", "?show=all"])
@pytest.mark.parametrize("what", LONG)
def test_the_ends_are_shown_and_the_rest_is_counted(site: Site, what: str, show: str) -> None:
    """Of parts and tool calls fifty at each end, of everything else a hundred; the page stays small."""
    call_id = site.keep(completion(**({"response": None} | LONG[what])))
    page = site.page(f"/completions/{call_id}{show}").partition('id="raw"')[0]
    ends = 50 if what in ("parts", "tool calls") else 100
    said = list(dict.fromkeys(SAID.findall(page)))

    assert sorted(said, key=lambda each: int(each.split()[1])) == [
        f"said {n}" for n in (*range(ends), *range(COUNT - ends, COUNT))
    ]
    assert f"{COUNT - 2 * ends:,} {WORDS.get(what, 'more')}" in page
    assert len(page) < 1_000_000


def test_a_long_conversation_is_folded_with_all_that_is_left_out_counted(site: Site) -> None:
    """What the fold hides is the whole middle, those messages included that the page does not hold."""
    call_id = site.keep(completion(**LONG["messages"]))

    assert f"{COUNT - 8:,} messages in between" in site.page(f"/completions/{call_id}")


def test_a_session_of_long_conversations_is_bounded(site: Site) -> None:
    """Each step shows what it adds, and of very much the ends."""
    messages = [message(n) for n in range(COUNT)]
    for more in range(3):
        asked = {"messages": messages[: COUNT - 3 + more]}
        site.keep(completion(request=asked, session_id="s", created_at=f"2026-01-0{more + 1}T00:00:00Z"))
    page = site.page("/sessions/s")

    assert "said 0\n" in page or "said 0<" in page
    assert len(page) < 1_500_000


def test_a_session_with_long_calls_shows_only_what_each_adds(site: Site) -> None:
    """Several hundred messages that are sent again are still recognized."""
    for count in (600, 602, 604):
        asked = {"messages": [message(n) for n in range(count)]}
        site.keep(completion(request=asked, session_id="s", created_at=f"2026-01-01T00:{count - 600:02}:00Z"))
    page = site.page("/sessions/s")

    assert "600 earlier messages sent again" in page
    assert "602 earlier messages sent again" in page
    assert len(re.findall(r">\s*said 603\s*<", page)) == 1


def test_a_text_beyond_every_page_is_in_the_record(site: Site) -> None:
    """Where the whole is asked for, a text of many megabytes is cut too, and the link leads to the record."""
    call_id = site.keep(completion(request={"messages": [{"role": "user", "content": "x" * 20_000_000}]}))
    page = site.page(f"/completions/{call_id}?show=all")

    assert len(page) < 18_000_000
    assert f'<a href="/completions/{call_id}.json">All 20,000,000 characters are in the record</a>' in page
