"""Every view in a real browser: nothing hinders anybody, nothing complains, nothing leaves, all of it fits.

A new view joins with a row of ``VIEWS``, and with what it shows in ``shown_records``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from log10_trace.local_server import LocalServer
from tests import processes
from tests.server.pages import chromium
from tests.server.pages.axe import find_violations
from tests.server.pages.page_client import post, sign_in
from tests.server.pages.shown_records import CALL, FAILED, TASK, grade, records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}"),
]

VIEWS: Final = {
    "calls": "/",
    "no call": "/?tag=none",
    "a filter that cannot be": "/?since=never",
    "a call": f"/completions/{CALL}",
    "a call whole": f"/completions/{CALL}?show=all",
    "a failed call": f"/completions/{FAILED}",
    "the overview": "/overview",
    "an overview of nothing": "/overview?since=2001-01-01&until=2001-01-02",
    "sessions": "/sessions",
    "a session": "/sessions/s",
    "the end of a session": "/sessions/s?at=end",
    "two calls compared": f"/compare?a={CALL}&b={FAILED}",
    "no call to compare": "/compare",
    "settings": "/settings",
    "tasks": "/grade",
    "a new task": "/grade/new?example=labels",
    "a task": f"/grade/{TASK['id']}",
    "a call to grade": f"/grade/{TASK['id']}/calls/{CALL}",
    "nothing there": "/none",
    "sign in": "/login",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The real server in a process of its own, with records to show."""
    with processes.server(tmp_path_factory.mktemp("views") / "log10") as running:
        post(running, *records())
        grade(running)
        yield running


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_every_view_is_accessible_and_fits(
    server: LocalServer, window: chromium.Tab, width: int, scheme: str
) -> None:
    """On a desk by day and on a small phone by night, axe-core finds nothing and no page scrolls sideways.

    Nor is there an error on the console, a request to another origin, or a script of a record that ran.
    """
    sign_in(window, server)
    window.resize(width)
    window.prefer(scheme)

    found = {}
    for name, path in VIEWS.items():
        window.open(server.url + path)
        violations = find_violations(window)
        if window.ask("document.documentElement.scrollWidth") > width:
            violations.append("scrolls sideways")
        if window.ask("document.title") in ("stolen", "1"):
            violations.append("a record's script ran")
        if violations:
            found[name] = violations

    assert found == {}
    expected = [said for said in window.complaints if "status of 422" in said or "status of 404" in said]
    assert window.complaints == expected
    own = (f"{server.url}/", "data:image/")
    assert [address for address in window.addresses if not address.startswith(own)] == []


def test_axe_finds_what_is_wrong(server: LocalServer, window: chromium.Tab) -> None:
    """A picture without a text for those who cannot see it is found, in spite of the page's policy."""
    window.open(f"{server.url}/login")
    window.ask("document.querySelector('main').appendChild(document.createElement('img')).src = '/none.png'")

    assert [each.partition(" ")[0] for each in find_violations(window)] == ["image-alt"]
