"""How metadata stands in the index of tags and in the roll-ups. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

_MARK: Final = "\x1f"
"""Begins every label of metadata; no tag holds a control character."""
_DIMENSION: Final = "metadata."


class MetadataPair(NamedTuple):
    """A key of metadata and its value as text."""

    key: str
    value: str

    @property
    def label(self) -> str:
        """What stands in the index of tags."""
        return f"{_MARK}{self.key}={self.value}"

    @property
    def dimension(self) -> str:
        """The dimension of the roll-ups in which ``value`` is a key."""
        return f"{_DIMENSION}{self.key}"

    @property
    def text(self) -> str:
        """``KEY=VALUE``, as filters have it."""
        return f"{self.key}={self.value}"


def parse_pairs(texts: Iterable[str]) -> list[MetadataPair]:
    """The pairs of a filter: ``KEY=VALUE`` each."""
    return [MetadataPair(key, value) for key, _, value in (text.partition("=") for text in texts)]


def is_dimension(name: str) -> bool:
    """Whether a dimension of the roll-ups is of metadata."""
    return name.startswith(_DIMENSION)


def key_of_dimension(name: str) -> str:
    """The key of metadata whose values such a dimension counts."""
    return name.removeprefix(_DIMENSION)
