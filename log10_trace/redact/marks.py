"""Marks: what a redactor writes in the place of a value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol


class Marks(Protocol):
    """Writes marks, and knows them again."""

    def write(self, kind: str, value: str) -> str:
        """The mark for a value of this kind."""
        ...

    def expression(self, kinds: frozenset[str]) -> re.Pattern[str]:
        """Matches every mark that ``write`` gives for values of these kinds."""
        ...


@dataclass(frozen=True)
class ConstantMarks:
    """The same mark for every value."""

    text: str

    def write(self, kind: str, value: str) -> str:  # noqa: ARG002 -- the signature of Marks
        """The mark."""
        return self.text

    def expression(self, kinds: frozenset[str]) -> re.Pattern[str]:  # noqa: ARG002 -- the signature of Marks
        """Matches the mark."""
        return compile_marks(re.escape(self.text) if self.text else r"(?!)")


@dataclass(frozen=True)
class KindMarks:
    """``<email>``: what the value is."""

    def write(self, kind: str, value: str) -> str:  # noqa: ARG002 -- the signature of Marks
        """The kind in angle brackets."""
        return f"<{kind}>"

    def expression(self, kinds: frozenset[str]) -> re.Pattern[str]:
        """Matches the marks of these kinds."""
        return compile_marks(f"<(?:{join_alternatives(kinds)})>")


def join_alternatives(words: Iterable[str]) -> str:
    """A part of an expression that matches one of the words."""
    return "|".join(map(re.escape, sorted(words)))


@lru_cache(maxsize=64)
def compile_marks(expression: str) -> re.Pattern[str]:
    """The expression, compiled once."""
    return re.compile(expression)


REDACTED: Final = ConstantMarks("[redacted]")
