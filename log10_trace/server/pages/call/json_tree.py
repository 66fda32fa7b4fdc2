"""JSON text as a tree that a page can fold: every token stays as it is spelled. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from log10_trace.server.pages.json_indent import split_tokens
from log10_trace.server.pages.sanitize import escape_control_characters

MAX_CHARACTERS: Final = 100_000
_MAX_TOKENS: Final = 4_000
_MAX_DEPTH: Final = 24
_BRACKETS: Final = {"{": "{}", "[": "[]"}
_LINE: Final = 72
"""Characters of an array or object that stands on one line."""
_NAME: Final = Markup('<span class="key">{}</span>: ')
_OPENING: Final = Markup('<details open><summary>{}{} <span class="count">{:d}</span></summary><ul>')
_CLOSING: Final = Markup("</ul>{}{}</details>")


@dataclass(slots=True)
class Node:
    """A value: text on one line, or an array or object with members."""

    name: str = ""
    """With its quotation marks, in an object."""
    text: str = ""
    """Of a value without ``members``."""
    brackets: str = ""
    members: list[Node] = field(default_factory=list)

    @property
    def is_short(self) -> bool:
        """Whether it stands on one line."""
        return not self.members

    def flatten(self) -> None:
        """Put a short array or object on one line."""
        if not all(member.is_short for member in self.members):
            return
        said = ", ".join(f"{m.name}: {m.text}" if m.name else m.text for m in self.members)
        if len(said) <= _LINE:
            self.text = f"{self.brackets[0]}{said}{self.brackets[1]}"
            self.members = []


def _read_tree(text: str) -> Node | None:
    """The tree of a JSON array or object; None for any other text, and for a very large one."""
    head = text.lstrip()[:1]
    if head not in ("{", "[") or len(text) > MAX_CHARACTERS:
        return None
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    root = _read(text)
    return None if root is None or root.is_short else root


def _read(text: str) -> Node | None:
    root = Node()
    open_nodes, name = [root], ""
    for count, piece in enumerate(split_tokens(text)):
        if piece in "{[":
            open_nodes.append(Node(name, brackets=_BRACKETS[piece]))
            name = ""
        elif piece in "}]":
            closed = open_nodes.pop()
            closed.flatten()
            open_nodes[-1].members.append(closed)
        elif piece == ":":
            name = open_nodes[-1].members.pop().text
        elif piece != ",":
            open_nodes[-1].members.append(Node(name, text=piece))
            name = ""
        if count > _MAX_TOKENS or len(open_nodes) > _MAX_DEPTH:
            return None
    return root.members[0]


def render_json(text: str) -> Markup | None:
    """The text as HTML that folds, when it is a JSON array or object of a size that can be folded."""
    root = _read_tree(text)
    return None if root is None else Markup("").join(_render(root, ""))


def _render(node: Node, comma: str) -> Iterator[Markup]:
    name = _NAME.format(_show(node.name)) if node.name else Markup("")
    if node.is_short:
        yield Markup("{}{}{}").format(name, _show(node.text), comma)
        return
    opening, closing = node.brackets[0], node.brackets[1]
    yield _OPENING.format(name, opening, len(node.members))
    last = len(node.members) - 1
    for number, member in enumerate(node.members):
        yield Markup("<li>")
        yield from _render(member, "," if number < last else "")
        yield Markup("</li>")
    yield _CLOSING.format(closing, comma)


def _show(token: str) -> str:
    return escape_control_characters(token)
