"""``GET /api/v1/key``: what the key of a request is."""

from __future__ import annotations

import time

import pytest

from log10_trace.domain.keys import Scope, split_token
from log10_trace.domain.times import parse_rfc3339_ms
from tests.server.conftest import Tenant


@pytest.mark.parametrize("scope", Scope)
def test_any_key_may_ask_what_it_is(tenant: Tenant, scope: Scope) -> None:
    """Id, name, organization, scopes and times are those of the key; its secret and hash are not there."""
    expires = time.time_ns() // 1_000_000 + 3_600_000
    token, key = tenant.server.key(tenant.organization_id, scope, name="a batch job", expires_at_ms=expires)

    answer = tenant.client(scope).get("/api/v1/key", headers={"X-Log10-Token": token})
    told = answer.json()

    assert answer.status_code == 200
    assert set(told) == {"id", "name", "organization_id", "scopes", "created_at", "expires_at"}
    assert (told["id"], told["name"]) == (key.id, "a batch job")
    assert (told["organization_id"], told["scopes"]) == (tenant.organization_id, [scope.value])
    assert parse_rfc3339_ms(told["created_at"]) == key.created_at_ms
    assert parse_rfc3339_ms(told["expires_at"]) == expires
    assert (split_token(token) or ("", ""))[1] not in answer.text
    assert key.secret_hash.hex() not in answer.text


def test_scopes_stand_in_one_order_and_no_expiry_is_null(tenant: Tenant) -> None:
    """Whatever the order in which scopes were given: ingest, read, feedback, admin."""
    told = tenant.client(Scope.FEEDBACK, Scope.READ, Scope.INGEST).get("/api/v1/key").json()

    assert told["scopes"] == ["ingest", "read", "feedback"]
    assert told["expires_at"] is None


def test_a_page_session_is_described_by_its_key(tenant: Tenant) -> None:
    """A browser that signed in is told of the key it signed in with; without any key the answer is 401."""
    token, key = tenant.server.key(tenant.organization_id, Scope.READ)
    browser = tenant.client()
    del browser.headers["X-Log10-Token"]
    refused = browser.get("/api/v1/key")

    browser.post("/login", data={"token": token})

    assert refused.status_code == 401
    assert browser.get("/api/v1/key").json()["id"] == key.id
