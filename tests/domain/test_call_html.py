"""A call as HTML: compact, whole where it matters, and no text of a record is HTML of its own."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from log10_trace.domain.call_html import MAX_TEXT, write_html
from log10_trace.models.completion import CompletionSummary
from log10_trace.models.components import Completion

HOSTILE = (
    "</div><script>alert(1)</script><img src=https://x.example onerror='x()'>\" style=\"x\u202e\ud800&amp;"
)


class Outline(HTMLParser):
    """The tags, attributes and text of a piece of HTML; fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Compare it with the tag that is open."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.words.append(data)


def record(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = {"role": "assistant", "content": "It rains."}
    return {
        "id": "1",
        "kind": "chat",
        "status": "finished",
        "created_at": "2026-01-31T12:00:00Z",
        "duration": 1.24,
        "tags": ["weather"],
        "request": {"model": "gpt-4o-mini", "messages": list(messages)},
        "response": {
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 2000, "total_tokens": 3000},
        },
        **more,
    }


def message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_what_matters_is_shown() -> None:
    """Facts on one line; the last question and the answer below; the other messages folded."""
    shown = write_html(
        record(
            message("system", "Be brief."),
            message("user", "Hello"),
            message("assistant", "Hi"),
            message("user", "Does it rain?"),
        )
    )
    folded, _, unfolded = shown.partition("</details>")

    assert Outline(shown).words[0] == (
        "gpt-4o-mini · finished · 2026-01-31T12:00:00Z · 1.24 s · "
        "1,000 tokens in, 2,000 out · $0.0014 · weather"
    )
    assert "3 other messages" in folded
    assert "Be brief." in folded
    assert Outline(unfolded.removesuffix("</div>")).words == [
        "user",
        "Does it rain?",
        "assistant",
        "It rains.",
    ]


def test_a_failure_is_shown() -> None:
    """The exception and its reason stand where an answer would."""
    failed = {"status": "failed", "failure_kind": "RateLimitError", "failure_reason": "slow down"}
    shown = write_html(record(message("user", "Hello"), response=None, **failed))

    assert "RateLimitError: slow down" in Outline(shown).words


def everywhere(text: str) -> dict[str, Any]:
    """A record that has the text wherever a provider or a program may put one."""
    return record(
        message("system", text),
        message(text, text),
        message("user", [{"type": "text", "text": text}, {"type": text, "url": text}]),
        status="failed",
        failure_kind=text,
        failure_reason=text,
        created_at=text,
        tags=[text],
        request={
            "model": text,
            "messages": [message("user", text), {"role": "user", "content": {text: text}}],
        },
        response={"model": text, "error": {"message": text}, "choices": [{"message": message(text, text)}]},
    )


@pytest.mark.parametrize("values", [everywhere(HOSTILE), record(message("user", HOSTILE), response=HOSTILE)])
def test_no_text_of_a_record_is_html(values: dict[str, Any]) -> None:
    """Nothing but our own elements and styles, nothing to load, nothing that turns the direction of text."""
    shown = write_html(values)
    outline = Outline(shown)

    assert outline.tags <= {"div", "details", "summary"}
    assert outline.attributes == {"style"}
    assert "\u202e" not in shown
    assert shown.encode()
    assert "<script>alert(1)</script>" in "".join(outline.words)


@pytest.mark.parametrize(
    "values", [{}, {"request": "x", "response": 3}, {"request": {"messages": 1}, "tags": 2, "duration": "x"}]
)
def test_an_odd_record_is_shown(values: dict[str, Any]) -> None:
    """Fields of an unexpected type are left out."""
    assert Outline(write_html(values)).tags


def test_a_long_text_is_cut() -> None:
    """A notebook keeps its outputs: a message of megabytes would stay in the file."""
    shown = write_html(record(message("user", "x" * (MAX_TEXT + 5))))

    assert "... and 5 more characters" in shown
    assert len(shown) < MAX_TEXT + 5_000


def test_a_notebook_shows_a_completion() -> None:
    """Notebooks ask for ``_repr_html_``; a completion of a list has the beginnings of what was said."""
    completion = Completion.read(record(message("user", "Does it rain?")))
    summary = CompletionSummary.read(
        {"id": "1", "model": "m", "cost": 0.5, "preview": {"request": "Does it rain?", "response": "Yes."}}
    )

    assert "Does it rain?" in (completion._repr_html_() or "")
    assert {"Does it rain?", "Yes."} <= set(Outline(summary._repr_html_() or "").words)
    assert "· $0.5<" in (summary._repr_html_() or "")


def test_what_is_nothing_for_json_is_left_to_the_repr() -> None:
    """A completion that a program made with a value of its own shows its ``repr``."""
    assert Completion.model_construct({"id"}, id=object())._repr_html_() is None


def test_the_writer_is_imported_when_it_is_needed() -> None:
    """Models alone load no prices and no HTML."""
    script = (
        "import sys, log10_trace.models.components; assert 'log10_trace.domain.call_html' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
