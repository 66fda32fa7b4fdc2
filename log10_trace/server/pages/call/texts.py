"""How the texts of a call are shown: as they came, as folded JSON, or rendered, within what a page can bear.

Pure. JSON is always folded: it is the same tokens with line breaks. Markdown is rendered where a reader asks
for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from log10_trace.server.pages.call.json_tree import render_json
from log10_trace.server.pages.call.markdown import MAX_CHARACTERS, render_markdown
from log10_trace.server.pages.messages import Message

_BUDGET: Final = 24_000
"""Characters that are rendered or folded for one page."""
_KINDS: Final = ("text", "reasoning", "transcript")


@dataclass(frozen=True, slots=True)
class ShownText:
    """A text as HTML; None where it stands as it came."""

    html: Markup | None
    is_json: bool = False
    is_refused: bool = False
    """Whether it would be rendered, but for its size."""


class Texts:
    """Shows the texts of one page."""

    def __init__(self, answers: Iterable[Message], asked: Iterable[Message], *, rendered: bool) -> None:
        """Share the budget out: first to the answers, then to what was asked, the last message first."""
        self.is_rendered = rendered
        self._chosen: set[str] = set()
        left = _BUDGET
        messages = (*answers, *reversed(tuple(asked)))
        for part in (part for message in messages for part in message.parts if part.kind in _KINDS):
            if len(part.text) <= min(left, MAX_CHARACTERS):
                left -= len(part.text)
                self._chosen.add(part.text)

    def show(self, text: str) -> ShownText:
        """How to show a text, or the beginning of one."""
        is_chosen = text in self._chosen
        folded = render_json(text) if is_chosen else None
        if folded is not None:
            return ShownText(folded, is_json=True)
        html = render_markdown(text) if is_chosen and self.is_rendered else None
        return ShownText(html, is_refused=self.is_rendered and html is None)
