"""The places that every page's header leads to."""

from __future__ import annotations

from typing import Final, NamedTuple

from log10_trace.server.pages.urls import GRADE, HOME, OVERVIEW, SESSIONS, SETTINGS


class Place(NamedTuple):
    """One place: the name by which a template says that it is there, its path, title and keys."""

    name: str
    path: str
    title: str
    key: str
    """Pressed one after the other: ``g c``."""


PLACES: Final = (
    Place("calls", HOME, "Calls", "g c"),
    Place("overview", OVERVIEW, "Overview", "g o"),
    Place("sessions", SESSIONS, "Sessions", "g s"),
    Place("grade", GRADE, "To grade", "g g"),
    Place("settings", SETTINGS, "Settings", "g t"),
)
