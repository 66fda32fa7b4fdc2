"""What rendering leaves behind."""

from __future__ import annotations

import weakref

import pytest

from log10_trace.server.pages.filter_form import filter_form_from
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.urls import OVERVIEW


class _View:
    """A view of an overview without calls."""

    figures = ()


class _BrokenView:
    """A view that a template cannot show."""

    @property
    def figures(self) -> None:
        """What the template asks for first."""
        message = "no figures"
        raise ValueError(message)


def test_what_a_page_shows_is_freed_with_it() -> None:
    """Nothing is left to Python's search for cycles, whose pauses grow with it."""
    view = _View()
    shown = weakref.ref(view)

    _render(view)
    del view

    assert shown() is None


def test_a_page_that_cannot_be_rendered_says_why() -> None:
    """The error of a view reaches whoever asked for the page."""
    with pytest.raises(ValueError, match="no figures"):
        _render(_BrokenView())


def _render(view: object) -> None:
    form = filter_form_from((), OVERVIEW)
    response = page("overview.html", root="", view=view, form=form, offered=(), twins=())
    assert b"No call in this span of time" in response.body
