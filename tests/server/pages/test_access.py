"""Who sees the pages: somebody with a key that may read, and only their own organization's calls."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.app import create_app
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.operations import Operation
from log10_trace.server.pages.rendering import STATIC
from log10_trace.server.pages.routes import PAGES
from log10_trace.server.store.protocol import Store
from tests.server.pages.page_client import PORT, Site, completion

GUARDED = [each for each in PAGES if each.scopes]
READ_BY_GET = [each for each in GUARDED if each.method == "GET"]
HTML = {"Accept": "text/html"}


@pytest.fixture
def stranger(store: Store) -> TestClient:
    """A browser that is not signed in."""
    app = create_app(store, host_policy_for("127.0.0.1", PORT))
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)


def path_of(operation_path: str, call_id: str) -> str:
    return operation_path.replace("{id}", call_id).replace("{field}", "request").replace("{name}", "page.css")


def key(store: Store, *scopes: Scope, organization_id: str = "default") -> str:
    token, made = make_key(organization_id, scopes, now_ms=0)
    store.keys.add(organization_id, made).result()
    return token


@pytest.mark.parametrize("page", READ_BY_GET, ids=lambda page: page.path)
def test_a_browser_that_is_not_signed_in_is_asked_to(
    page: Operation, site: Site, stranger: TestClient
) -> None:
    """Every page but the files it loads leads to the form, and back to itself."""
    path = path_of(page.path, site.keep(completion(session_id="s")))

    answer = stranger.get(path, headers=HTML)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")
    assert "Why is the sky blue?" not in answer.text


def test_the_form_lets_a_reader_in(store: Store, stranger: TestClient) -> None:
    """A key typed into the form opens the page that was asked for."""
    form = stranger.get("/login?next=/sessions", headers=HTML).text
    assert re.search(r'<form method="post" action="/login">', form)

    answer = stranger.post("/login", data={"token": key(store, Scope.READ), "next": "/sessions"})

    assert answer.status_code == 303
    assert stranger.get(answer.headers["location"], headers=HTML).status_code == 200


def test_a_link_from_another_site_is_one_click_longer(stranger: TestClient) -> None:
    """Whoever is signed in and came without the cookie goes on from the form; no other site is led to."""
    assert 'href="/completions/x?show=all"' in stranger.get("/login?next=/completions/x%3Fshow%3Dall").text
    assert "elsewhere" not in stranger.get("/login?next=//elsewhere.example").text


def test_a_wrong_key_is_told_so(stranger: TestClient) -> None:
    """The form says what was wrong, and shows no key."""
    answer = stranger.post("/login", data={"token": "l10_0_wrong"})

    assert 'role="alert"' in answer.text
    assert "l10_0_wrong" not in answer.text


@pytest.mark.parametrize("page", GUARDED, ids=lambda page: f"{page.method} {page.path}")
def test_a_key_that_only_writes_sees_no_page(
    page: Operation, store: Store, site: Site, stranger: TestClient
) -> None:
    """The key in a program's environment opens none of its records."""
    path = path_of(page.path, site.keep(completion(session_id="s")))

    headers = {**HTML, "X-Log10-Token": key(store, Scope.INGEST)}
    answer = stranger.request(page.method, path, headers=headers)

    assert answer.status_code == 403
    assert "Why is the sky blue?" not in answer.text


def test_another_organizations_calls_are_not_there(store: Store, site: Site, stranger: TestClient) -> None:
    """Neither in lists nor under their ids: 404 like any that never were."""
    call_id = site.keep(completion(session_id="theirs", tags=["theirs"]))
    headers = {**HTML, "X-Log10-Token": key(store, Scope.READ, organization_id="other")}

    assert call_id not in stranger.get("/", headers=headers).text
    assert "theirs" not in stranger.get("/", headers=headers).text
    compared = f"/compare?a={call_id}&b={call_id}"
    for path in (
        f"/completions/{call_id}", f"/completions/{call_id}/request.json", "/sessions/theirs",
        "/sessions/theirs.md", "/sessions/theirs.jsonl", compared,
    ):  # fmt: skip
        answer = stranger.get(path, headers=headers)
        assert answer.status_code == 404
        assert "Why is the sky blue?" not in answer.text


def test_files_are_everybodys_and_may_be_kept(stranger: TestClient) -> None:
    """The sign-in form has its looks; an address that changes with the content is kept for ever."""
    form = stranger.get("/login", headers=HTML).text
    addresses = re.findall(r'"(/static/[^"]+)"', form)

    assert {"page.css", "page.js", "icon.svg"} <= {address.rpartition("/")[2] for address in addresses}
    for name in STATIC:
        own = stranger.get(addresses[0].rpartition("/")[0] + "/" + name)
        other = stranger.get(f"/static/another/{name}")
        assert own.content == other.content == STATIC[name]
        assert "immutable" in own.headers["cache-control"]
        assert other.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["none.css", "..", "page.css.bak", "routes.py", "%2e%2e"])
def test_no_other_file_can_be_had(stranger: TestClient, name: str) -> None:
    """No path is made from what a browser asks for."""
    assert stranger.get(f"/static/any/{name}").status_code in (404, 303, 401)
