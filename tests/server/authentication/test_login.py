"""Signing in with a key, and out again, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from log10_trace.domain.keys import Scope
from log10_trace.server.authentication.auth import COOKIE, Principal
from log10_trace.server.authentication.login_codes import LoginCodes
from tests.processes import DEADLINE_S
from tests.server.conftest import Tenant

PAGE = {"Accept": "text/html"}


@pytest.fixture
def browser(tenant: Tenant) -> httpx.Client:
    """A client that asks for pages, keeps cookies, and has no key."""
    return tenant.stack.enter_context(
        httpx.Client(base_url=tenant.server.url, headers=PAGE, timeout=DEADLINE_S)
    )


def sign_in(browser: httpx.Client, token: str, goal: str = "/") -> httpx.Response:
    return browser.post("/login", data={"token": token, "next": goal})


def test_a_page_without_a_session_leads_to_the_form_and_back(tenant: Tenant, browser: httpx.Client) -> None:
    """Whoever is not signed in is led to the form, and from there to where they wanted to go."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    led = browser.get("/sessions?cursor=")
    goal = httpx.URL(led.headers["location"]).params["next"]

    entered = sign_in(browser, token, goal)

    assert (led.status_code, goal) == (303, "/sessions?cursor=")
    assert (entered.status_code, entered.headers["location"]) == (303, goal)
    assert browser.get(goal).status_code == 200


def test_the_cookie_is_the_browsers_alone_and_is_not_the_key(tenant: Tenant, browser: httpx.Client) -> None:
    """No script reads the cookie, no other site sends it, and it does not hold the key."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    cookie = sign_in(browser, token).headers["set-cookie"]

    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert token.split("_", 2)[2] not in cookie


def test_a_session_ends_with_its_key(tenant: Tenant, browser: httpx.Client) -> None:
    """A cookie of an expired key opens nothing."""
    token, key = tenant.server.key(tenant.organization_id, Scope.READ)
    sign_in(browser, token)
    assert browser.get("/").status_code == 200
    tenant.server.store.keys.revoke(tenant.organization_id, key.id, now_ms=1).result()
    tenant.server.forget_keys()

    assert browser.get("/").status_code == 303


def test_signing_out_forgets_the_session(tenant: Tenant, browser: httpx.Client) -> None:
    """After signing out the browser has no cookie left."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    sign_in(browser, token)

    assert browser.post("/logout").status_code == 303
    assert not browser.cookies
    assert browser.get("/").status_code == 303


def test_signing_out_ends_a_copied_cookie_too(tenant: Tenant, browser: httpx.Client) -> None:
    """A copy of the cookie, on a page or the API, is worth nothing after its session signed out."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    sign_in(browser, token)
    copied = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    before = httpx.get(f"{tenant.server.url}/api/v1/limits", headers=copied, timeout=DEADLINE_S)

    browser.post("/logout")

    assert before.status_code == 200
    assert (
        httpx.get(f"{tenant.server.url}/api/v1/limits", headers=copied, timeout=DEADLINE_S).status_code == 401
    )
    assert (
        httpx.get(f"{tenant.server.url}/", headers={**PAGE, **copied}, timeout=DEADLINE_S).status_code == 303
    )


def test_signing_out_ends_no_other_session(tenant: Tenant, browser: httpx.Client) -> None:
    """Another browser with the same key stays signed in, and the key still signs in."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    sign_in(browser, token)
    with httpx.Client(base_url=tenant.server.url, headers=PAGE, timeout=DEADLINE_S) as other:
        sign_in(other, token)
        browser.post("/logout")

        assert other.get("/").status_code == 200
    assert sign_in(browser, token).status_code == 303
    assert browser.get("/").status_code == 200


def test_signing_out_with_a_forged_cookie_keeps_nothing(tenant: Tenant, browser: httpx.Client) -> None:
    """A cookie that no server made is forgotten by the browser, and not by the store."""
    _, key = tenant.server.key(tenant.organization_id, Scope.READ)
    forged = f"{key.id}.{'0' * 32}.9999999999999.{'0' * 64}"
    answer = browser.post("/logout", headers={"Cookie": f"{COOKIE}={forged}"})

    assert answer.status_code == 303
    assert not tenant.server.store.keys.is_page_session_revoked(tenant.organization_id, "0" * 32)


@pytest.mark.parametrize("scope", [None, Scope.INGEST])
def test_a_key_that_may_neither_read_nor_grade_does_not_sign_in(
    tenant: Tenant, browser: httpx.Client, scope: Scope | None
) -> None:
    """A wrong key, or one without the scope, shows the form again with a sentence and no cookie."""
    token = "wrong" if scope is None else tenant.server.key(tenant.organization_id, scope)[0]
    answer = sign_in(browser, token)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert token not in answer.text


@pytest.mark.parametrize(
    "goal",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "javascript:alert(1)", "/a\r\nb"],
)
def test_nobody_is_led_to_another_site(tenant: Tenant, browser: httpx.Client, goal: str) -> None:
    """After signing in one is on this server, whatever the address asked for."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)

    assert sign_in(browser, token, goal).headers["location"] == "/"


def test_the_one_time_code_is_for_its_organization(tenant: Tenant, browser: httpx.Client) -> None:
    """A code signs in to the records it was given for, once."""
    _, key = tenant.server.key(tenant.organization_id, Scope.READ)
    code = tenant.server.codes.issue(Principal(key.id, tenant.organization_id, key.scopes))

    assert browser.get("/login", params={"code": code}).status_code == 303
    assert browser.get("/api/v1/limits").status_code == 200
    assert (
        httpx.get(f"{tenant.server.url}/login", params={"code": code}, timeout=DEADLINE_S).status_code == 403
    )


def test_another_site_cannot_sign_anybody_in(tenant: Tenant, browser: httpx.Client) -> None:
    """The form posted by another site's page is refused, with a good key as well."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    answer = browser.post("/login", data={"token": token}, headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_what_is_no_form_is_refused(browser: httpx.Client) -> None:
    """The form's address takes the form and nothing else."""
    assert browser.post("/login", json={"token": "x"}).status_code == 415


def test_a_form_of_many_fields_is_refused(browser: httpx.Client) -> None:
    """Nobody counts what somebody else's form is made of."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

    assert browser.post("/login", content="a=1&" * 1000, headers=form).status_code == 400


def test_a_code_leads_to_a_page_of_this_server_alone(tenant: Tenant, browser: httpx.Client) -> None:
    """A key makes codes; each signs in once and leads to the page that the address names, on this server."""
    reader = tenant.client(Scope.READ)
    goals = ["/sessions?tag=a", "https://evil.example/", "//evil.example"]
    codes = [reader.post("/api/v1/login_codes").json()["code"] for _ in goals]
    led = [
        browser.get("/login", params={"code": code, "next": goal}).headers["location"]
        for code, goal in zip(codes, goals, strict=True)
    ]

    assert led == ["/sessions?tag=a", "/", "/"]
    again = browser.get("/login", params={"code": codes[0], "next": goals[0]})
    assert (again.status_code, 'name="next" value="/sessions?tag=a"' in again.text) == (403, True)


def test_the_codes_of_a_key_are_bounded() -> None:
    """A key that makes codes and uses none loses its oldest ones, and no other key's."""
    codes = LoginCodes()
    other = codes.issue(Principal("other", "o", frozenset()))
    mine = [codes.issue(Principal("mine", "o", frozenset())) for _ in range(101)]

    assert codes.redeem(mine[0]) is None
    assert [codes.redeem(code) for code in (mine[1], mine[100], other)].count(None) == 0


def test_a_page_session_makes_no_codes(tenant: Tenant, browser: httpx.Client) -> None:
    """A copied cookie makes no session that outlives it, or the sign-out of its own."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ)
    sign_in(browser, token)

    answer = browser.post("/api/v1/login_codes")

    assert (answer.status_code, answer.json()["code"]) == (403, "key_required")


def test_a_code_does_not_outlive_its_key(tenant: Tenant, browser: httpx.Client) -> None:
    """A code of a key that was revoked meanwhile leads to the form, which says so, and sets no cookie."""
    token, key = tenant.server.key(tenant.organization_id, Scope.READ)
    code = browser.post("/api/v1/login_codes", headers={"X-Log10-Token": token}).json()["code"]
    tenant.server.store.keys.revoke(tenant.organization_id, key.id, now_ms=1).result()
    tenant.server.forget_keys()

    answer = browser.get("/login", params={"code": code})

    assert (answer.status_code, "revoked" in answer.text) == (403, True)
    assert not browser.cookies
