"""The filters of the list as its form shows them: what is set, how to take it off, what to offer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from log10_trace.domain.filters import FILTERS, Filter
from log10_trace.server.pages.urls import HOME, PageURL

SPANS: Final = (("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
"""Offered spans of time, as ``since`` takes them."""

_LABELS: Final = {**{row.name: row.label for row in FILTERS}, "order": "order"}
_MAX_SHOWN: Final = 100
_IN_SIGHT: Final = frozenset(("q", "status", "model", "tag"))
"""Fields of the form that are always visible; each has its own markup in the template."""
_NOT_COLLAPSED: Final = _IN_SIGHT | {"since", "until"}
"""Filters that are set without the collapsed fields, the span of time by a click on the chart."""


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """One condition that is set."""

    name: str
    value: str
    removed: str
    """The address of the list without it."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form: a choice, or free text where it has no choices."""

    name: str
    title: str
    hint: str
    choices: tuple[tuple[str, str], ...]
    """Values and their titles; the value of the first is empty, and sets no condition."""
    is_repeatable: bool = False
    """Whether a value that is entered joins those that are set."""


def _form_field(row: Filter) -> FormField:
    choices = tuple(("" if value == row.default else value, title) for value, title in row.choices)
    if choices and row.default is None:
        choices = (("", "any"), *choices)
    title = row.title or row.label.capitalize()
    return FormField(row.name, title, row.hint, choices, row.type in ("labels", "pairs"))


FIELDS: Final = {row.name: _form_field(row) for row in FILTERS}


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that one click chooses."""

    title: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FilterForm:
    """All conditions of a list."""

    address: PageURL

    @property
    def any(self) -> bool:
        """Whether anything is asked for but the newest calls."""
        return bool(self.shown)

    @property
    def has_advanced_filters(self) -> bool:
        """Whether one of the collapsed fields of the form is set."""
        return any(name not in _NOT_COLLAPSED for name, _ in self.address.pairs if name in _LABELS)

    @property
    def statuses(self) -> tuple[Choice, ...]:
        """The statuses on offer, the first of which is any."""
        chosen, unset = self.value("status"), self.address.without_param("status")
        return tuple(
            Choice(title, str(unset.with_param("status", value) if value else unset), chosen == value)
            for value, title in FIELDS["status"].choices
        )

    @property
    def advanced_fields(self) -> tuple[FormField, ...]:
        """The collapsed fields of the form."""
        return tuple(field for name, field in FIELDS.items() if name not in _IN_SIGHT)

    @property
    def shown(self) -> tuple[ActiveFilter, ...]:
        """The conditions in words, each with the address that takes it off."""
        return tuple(
            ActiveFilter(_LABELS[name], value, str(self.address.without_param(name, value)))
            for name, value in self.address.pairs
            if name in _LABELS
        )

    @property
    def spans(self) -> tuple[Choice, ...]:
        """The spans of time on offer."""
        since = self.value("since")
        ranged = self.address.without_param("until")
        some = (Choice(title, str(ranged.with_param("since", name)), since == name) for name, title in SPANS)
        return (*some, Choice("all", str(ranged.without_param("since")), not since))

    def value(self, name: str) -> str:
        """What ``name`` is set to, by the last when it is repeated; empty when it is not."""
        return next((value for each, value in reversed(self.address.pairs) if each == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of ``name``."""
        return tuple(value for each, value in self.address.pairs if each == name)


def filter_form_from(pairs: Iterable[tuple[str, str]], path: str = HOME) -> FilterForm:
    """The conditions that a query sets on the list at ``path``; empty fields of the form set none.

    No more than the form can show: each has an address that repeats all others.
    """
    given = ((name, value) for name, value in pairs if value)
    return FilterForm(PageURL(path, tuple(islice(given, _MAX_SHOWN))))
