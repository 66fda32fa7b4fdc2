"""Counts the steps that a backtracking matcher takes: how the work of an expression grows, without a clock.

Python's own matcher goes the same ways in the same order, and skips some of them.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any

if sys.version_info >= (3, 11):
    from re import _constants as ops
    from re import _parser as parser
else:
    ops = importlib.import_module("sre_constants")
    parser = importlib.import_module("sre_parse")

_CATEGORIES = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_NOT_DIGIT: lambda each: not each.isdecimal(),
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda each: not each.isspace(),
    ops.CATEGORY_WORD: lambda each: each.isalnum() or each == "_",
    ops.CATEGORY_NOT_WORD: lambda each: not (each.isalnum() or each == "_"),
}


class Matcher:
    """Searches an expression in a text as ``finditer`` does, and counts its steps."""

    def __init__(self, expression: re.Pattern[str], text: str) -> None:
        self.steps = 0
        self.matches: list[str] = []
        self._text = text
        self._groups: dict[int, tuple[int, int]] = {}
        self._nodes = list(parser.parse(expression.pattern, expression.flags & ~re.UNICODE))
        self._is_caseless = bool(expression.flags & re.IGNORECASE)

    def run(self) -> Matcher:
        """Find every match."""
        at = 0
        while at <= len(self._text):
            end = next(self._match(self._nodes, 0, at), None)
            if end is not None and end > at:
                self.matches.append(self._text[at:end])
            at = max(end or 0, at + 1)
        return self

    def _match(self, nodes: list[Any], first: int, at: int) -> Iterator[int]:
        """The places where the nodes from the first one on can end, the preferred one first."""
        if first == len(nodes):
            yield at
            return
        for end in self._match_node(*nodes[first], at):
            yield from self._match(nodes, first + 1, end)

    def _match_node(self, op: Any, argument: Any, at: int) -> Iterator[int]:  # noqa: C901, PLR0912 -- one branch an op
        self.steps += 1
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY):
            if at < len(self._text) and self._is_in(op, argument, self._text[at]):
                yield at + 1
        elif op is ops.SUBPATTERN:
            group, added, _, nodes = argument
            before, self._is_caseless = self._is_caseless, self._is_caseless or bool(added & re.IGNORECASE)
            for end in self._match(list(nodes), 0, at):
                self._is_caseless = before
                if group is not None:
                    self._groups[group] = (at, end)
                yield end
            self._is_caseless = before
        elif op is ops.BRANCH:
            for nodes in argument[1]:
                yield from self._match(list(nodes), 0, at)
        elif op is ops.MAX_REPEAT:
            yield from self._repeat(*argument, at)
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            direction, nodes = argument
            start = at if direction > 0 else at - nodes.getwidth()[0]
            found = start >= 0 and any(True for _ in self._match(list(nodes), 0, start))
            if found == (op is ops.ASSERT):
                yield at
        elif op is ops.GROUPREF:
            start, end = self._groups[argument]
            if self._text.startswith(self._text[start:end], at):
                yield at + end - start
        elif op is ops.AT:
            if self._is_at(argument, at):
                yield at
        else:
            raise NotImplementedError(op)

    def _repeat(self, least: int, most: int, nodes: Any, at: int) -> Iterator[int]:
        body = list(nodes)
        if len(body) == 1 and body[0][0] in (ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY):
            end = at
            while end < len(self._text) and end - at < most and self._is_in(*body[0], self._text[end]):
                self.steps += 1
                end += 1
            for each in range(end, at + least - 1, -1):
                self.steps += 1
                yield each
            return
        if most > 0:
            for end in self._match(body, 0, at):
                if end > at:
                    yield from self._repeat(max(least - 1, 0), most - 1, nodes, end)
        if least == 0:
            yield at

    def _is_in(self, op: Any, argument: Any, character: str) -> bool:
        if op is ops.ANY:
            return character != "\n"
        cases = {character, character.lower(), character.upper()} if self._is_caseless else {character}
        if op is ops.LITERAL:
            return any(ord(each) == argument for each in cases if len(each) == 1)
        if op is ops.NOT_LITERAL:
            return ord(character) != argument
        return any(self._is_in_class(argument, each) for each in cases if len(each) == 1)

    def _is_in_class(self, items: list[Any], character: str) -> bool:
        negated = items[0][0] is ops.NEGATE
        for kind, value in items[negated:]:
            if (
                (kind is ops.LITERAL and ord(character) == value)
                or (kind is ops.RANGE and value[0] <= ord(character) <= value[1])
                or (kind is ops.CATEGORY and _CATEGORIES[value](character))
            ):
                return not negated
        return negated

    def _is_at(self, where: Any, at: int) -> bool:
        if where in (ops.AT_END, ops.AT_END_STRING):
            return at == len(self._text)
        sides = [
            0 <= each < len(self._text) and (self._text[each].isalnum() or self._text[each] == "_")
            for each in (at - 1, at)
        ]
        return (sides[0] != sides[1]) == (where is ops.AT_BOUNDARY)
