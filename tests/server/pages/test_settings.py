"""Keys and settings: a key is shown once, revoked with care, and only an admin's key opens the page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from log10_trace.domain.completion_record import parse
from log10_trace.domain.keys import Scope, make_key
from log10_trace.domain.prices import Prices
from log10_trace.server.app import create_app
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import Store
from tests.server.pages.page_client import ORGANIZATION, PORT, chat_response, completion

HTML = {"Accept": "text/html"}
TOKEN = re.compile(r"l10_[0-9a-f]{16}_[\w-]{43}")
LOOKED = {"revoke": "yes"}
OWN_PRICES = '{"models": {"in-house": {"input": 1, "output": 2}}}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a price file of the user's own, and calls with and without a price."""
    (tmp_path / "own.json").write_text(OWN_PRICES)
    opened = open_store(tmp_path / "completions.db", prices=Prices.load(tmp_path / "own.json"))
    for model in ("in-house", "unheard-of", "<b>"):
        response = {**chat_response("x"), "model": model}
        record = completion(request={"model": model}, response=response)
        opened.completions.put(ORGANIZATION, parse(json.dumps(record))).result()
    yield opened
    opened.close()


def sign_in(store: Store, *scopes: Scope, organization_id: str = ORGANIZATION) -> TestClient:
    """A browser whose key has the scopes."""
    app = create_app(store, host_policy_for("127.0.0.1", PORT))
    browser = TestClient(app, base_url=f"http://127.0.0.1:{PORT}", headers=HTML, follow_redirects=False)
    token, key = make_key(organization_id, scopes, name="own", now_ms=1)
    store.keys.add(organization_id, key).result()
    assert browser.post("/login", data={"token": token}).status_code == 303
    return browser


@pytest.fixture
def admin(store: Store) -> TestClient:
    """The browser of an admin."""
    return sign_in(store, Scope.ADMIN)


def fill(browser: TestClient, **fields: str | list[str]) -> dict[str, str | list[str]]:
    """The form that makes a key, as the page gives it, with ``fields``."""
    found = re.search(r'name="id" value="([0-9a-f]{16})"', browser.get("/settings").text)
    assert found
    return {"id": found[1], "name": "job", "days": "30", "scope": ["ingest"], **fields}


def make(browser: TestClient, **fields: str | list[str]) -> httpx.Response:
    return browser.post("/settings/keys", data=fill(browser, **fields))


def test_a_new_key_works_and_is_shown_in_one_response_alone(admin: TestClient, store: Store) -> None:
    """Its secret is in no cookie, cache, later page or JSON; the form sent again makes no second key."""
    form = fill(admin, name="<i>job</i>")
    answer = admin.post("/settings/keys", data=form)
    token = TOKEN.findall(answer.text)[0]
    secret = token.split("_", 2)[2]
    again = admin.post("/settings/keys", data=form)

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert again.status_code == 409
    later = [again.text, admin.get("/settings").text, admin.get("/settings.json").text]
    assert [text for text in later if secret in text] == []
    assert admin.get("/settings/keys").headers["location"] == "/settings"
    key = store.keys.find(str(form["id"]))
    assert key
    assert (key.name, key.scopes) == ("<i>job</i>", {Scope.INGEST})
    assert key.expires_at_ms
    assert html.escape("<i>job</i>") in later[1]
    limits = admin.get("/api/v1/limits", headers={"X-Log10-Token": token, "Cookie": ""})
    assert limits.status_code == 200


def test_a_form_sent_twice_at_once_makes_one_key(
    admin: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is told so, although it found no key when it looked."""
    form = fill(admin)
    assert admin.post("/settings/keys", data=form).status_code == 201
    find, looks = store.keys.find, iter([True])
    monkeypatch.setattr(
        store.keys,
        "find",
        lambda key_id: None if key_id == form["id"] and next(looks, None) else find(key_id),
    )

    assert admin.post("/settings/keys", data=form).status_code == 409
    assert len(store.keys.list(ORGANIZATION)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": []},
        {"scope": ["root"]},
        {"scope": ["read", "ingest"], "days": "7000000000"},
        {"days": "-1"},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"id": "../../etc"},
        {"id": ""},
    ],
)
def test_a_form_that_makes_no_key_says_why(
    admin: TestClient, store: Store, fields: dict[str, str | list[str]]
) -> None:
    """What cannot be used is said above the form, and no key is made."""
    answer = make(admin, **fields)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert len(store.keys.list(ORGANIZATION)) == 1


def test_a_revoked_key_is_refused_at_once(admin: TestClient, store: Store) -> None:
    """A look first, then a form; the page then says what was revoked, and lists it among those that ended."""
    token = TOKEN.findall(make(admin, scope=["read"]).text)[0]
    key_id = token.split("_")[1]
    headers = {"X-Log10-Token": token, "Cookie": ""}
    assert admin.get("/api/v1/limits", headers=headers).status_code == 200
    path = f"/settings/keys/{key_id}/revoke"

    assert f'action="{path}"' in admin.get(path).text
    answer = admin.post(path, data=LOOKED)

    assert answer.status_code == 303
    assert admin.get("/api/v1/limits", headers=headers).status_code == 401
    page = admin.get(answer.headers["location"]).text
    assert "Revoked: <bdi>job</bdi>" in page
    assert "1 key has ended" in page
    assert [admin.post(path, data=LOOKED).status_code, admin.get(path).status_code] == [404, 404]


def test_ones_own_key_is_revoked_only_after_a_second_look(admin: TestClient, store: Store) -> None:
    """The page says that it signs out and that no other key opens the settings; a tick is needed."""
    path = f"/settings/keys/{store.keys.list(ORGANIZATION)[0].id}/revoke"
    page = admin.get(path).text
    assert "signs you out" in page
    assert "No other key opens these settings" in page

    assert admin.post(path, data=LOOKED).status_code == 422
    assert admin.post(path, data={"understood": "yes"}).status_code == 303
    assert admin.get("/settings").headers["location"].startswith("/login")


def test_another_organizations_keys_are_not_there(admin: TestClient, store: Store) -> None:
    """They are not listed, cannot be revoked, and their ids are 404."""
    sign_in(store, Scope.ADMIN, organization_id="other")
    theirs = store.keys.list("other")[0].id

    assert theirs not in admin.get("/settings").text
    assert theirs not in admin.get("/settings.json").text
    assert admin.post(f"/settings/keys/{theirs}/revoke", data={"understood": "yes"}).status_code == 404
    assert store.keys.list("other")[0].revoked_at_ms is None


def test_a_readers_key_is_told_which_is_needed(store: Store) -> None:
    """The page and its twin are for admins; others read a sentence."""
    reader = sign_in(store, Scope.READ)

    assert reader.get("/settings").status_code == reader.get("/settings.json").status_code == 403
    assert "needs a key with the scope admin" in reader.get("/settings").text


def test_the_page_and_its_twin_say_what_the_server_keeps(
    admin: TestClient, store: Store, tmp_path: Path
) -> None:
    """Calls, versions, prices, what has none, the address; the twin says the same without secrets."""
    page, twin = admin.get("/settings").text, admin.get("/settings.json").json()

    assert f"export LOG10_URL=http://127.0.0.1:{PORT}" in page
    assert str(tmp_path / "own.json") in page
    assert 'href="/?model=unheard-of"' in page
    assert '{"models": {"<b>": ' in html.unescape(page)
    assert twin["prices"]["unpriced"] == {"unheard-of": 1, "<b>": 1}
    assert twin["prices"]["own_file"] == str(tmp_path / "own.json")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", twin["prices"]["date"])
    assert twin["database"]["calls"] == 3
    assert twin["database"]["oldest_at"] <= twin["database"]["newest_at"]
    assert twin["versions"]["schema"] == store.maintenance.describe().schema
    assert [key["name"] for key in twin["keys"]] == ["own"]
    assert "hash" not in json.dumps(twin)
