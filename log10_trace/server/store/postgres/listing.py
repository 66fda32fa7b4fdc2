"""A filter as a question to PostgreSQL: named blocks of SQL side by side, and the values to bind. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from log10_trace.server.store.answers import Filter, Order
from log10_trace.server.store.phrases import phrases
from log10_trace.server.store.postgres.names import fit
from log10_trace.server.store.postgres.places import FIRST, LAST, first_place
from log10_trace.server.store.postgres.statements import load
from log10_trace.server.store.postgres.words import query
from log10_trace.server.store.said import clean

_SQL: Final = load("listing.sql")
_COMPARED: Final = (
    "status", "kind", "model", "session_id", "failure_kind", "file", "function", "min_duration",
    "max_duration", "min_tokens", "max_tokens",
)  # fmt: skip
"""Fields of a ``Filter`` that are each a condition of the same name."""

Wanted = Literal["summaries", "records", "keys"]
Place = tuple[int, str]
"""Where a record stands in lists: its place, then its id."""


@dataclass(frozen=True, slots=True)
class Question:
    """The completions that a filter means, to be asked for in pieces of places."""

    blocks: tuple[str, ...]
    """Names of the joins and conditions."""
    values: dict[str, Any]
    low: int
    high: int
    """The places that are asked for, both ends included."""

    def page(
        self, wanted: Wanted, limit: int, order: Order, after: Place | None = None
    ) -> tuple[bytes, dict[str, Any]]:
        """The SQL for at most ``limit`` rows that come ``after`` a record in ``order``, and its values."""
        blocks = [wanted, *self.blocks, order]
        values = {**self.values, "low": self.low, "high": self.high, "limit": limit}
        if after is not None:
            blocks.insert(-1, f"after_{order}")
            values |= {"after": after[0], "after_id": after[1]}
            if order == "newest":
                values["high"] = min(self.high, after[0])
            else:
                values["low"] = max(self.low, after[0])
        return b"\n".join(_SQL[name] for name in blocks), values


def question(organization_id: str, wanted: Filter) -> Question:
    """What to ask for ``wanted``.

    Raises:
        SearchError: its text holds no word.
    """
    joins: list[str] = []
    conditions: list[str] = []
    values: dict[str, Any] = {"organization_id": organization_id}
    if wanted.tags:
        join, condition = _BY_TAG[wanted.tag_match, len(set(wanted.tags)) > 1]
        joins += join
        conditions += condition
        tags = list(map(fit, wanted.tags))
        values |= {"tag": tags[0], "tags": tags, "other_tags": tags[1:]}
    if wanted.text is not None:
        joins.append("words")
        values["query"] = query(phrases(wanted.text))
    for name in _COMPARED:
        if (value := getattr(wanted, name)) is not None:
            conditions.append(name)
            values[name] = fit(clean(value)) if isinstance(value, str) else value
    return Question(
        blocks=(*joins, "organization", *conditions),
        values=values,
        low=FIRST if wanted.since_ms is None else first_place(wanted.since_ms),
        high=LAST if wanted.until_ms is None else first_place(wanted.until_ms) - 1,
    )


def ungraded(organization_id: str, task_id: str, tags: tuple[str, ...]) -> Question:
    """What to ask for completions with any of ``tags`` and no feedback for the task."""
    by_tag = question(organization_id, Filter(tags=tags, tag_match="any"))
    return Question((*by_tag.blocks, "ungraded"), {**by_tag.values, "task_id": task_id}, FIRST, LAST)


# How many tags, matched how -> joins and conditions. A single tag is read off its own index, in order.
_BY_TAG: Final[dict[tuple[str, bool], tuple[tuple[str, ...], tuple[str, ...]]]] = {
    ("any", False): (("tag",), ()),
    ("any", True): (("any_tag",), ()),
    ("all", False): (("tag",), ()),
    ("all", True): (("tag",), ("other_tags",)),
    ("none", False): ((), ("no_tag",)),
    ("none", True): ((), ("no_tag",)),
}
