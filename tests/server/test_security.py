"""Who may do what: every route, with every kind of key that is not good enough."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from log10_trace.domain.keys import Scope
from log10_trace.server.authentication.auth import KEY_CACHE_MS, Authenticator
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.openapi.operations import OPERATION_DOCS
from log10_trace.server.operations import OPERATIONS, SIGN_IN, Operation
from log10_trace.server.pages.routes import PAGES
from tests.processes import DEADLINE_S
from tests.server.conftest import Server, Tenant

SERVED = (*OPERATIONS, *SIGN_IN, *PAGES)
KEYED = [operation for operation in SERVED if operation.scopes is not None]
PLACES = ("X-Log10-Organization", "x-log10-organization-id", "query", "body")


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def ask(client: httpx.Client, operation: Operation, name: str = "some", **more: Any) -> httpx.Response:
    """Send the operation's request, with ``name`` in the place of ids; a stream is not read to its end."""
    path = re.sub(r"{\w+}", name, operation.path)
    body = body_of(operation, {}) if operation.method == "POST" else {}
    with client.stream(operation.method, path, **body, **more) as answer:
        if answer.headers.get("content-type", "").partition(";")[0] != "text/event-stream":
            answer.read()
        return answer


def body_of(operation: Operation, fields: dict[str, str]) -> dict[str, Any]:
    """The request's body: browsers post forms to pages, programs JSON to the API."""
    return {"data": fields} if operation in PAGES else {"json": fields}


@pytest.mark.parametrize("operation", KEYED, ids=named)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Log10-Token": ""},
        {"X-Log10-Token": "nonsense"},
        {"X-Log10-Token": "l10_0123456789abcdef_secret"},
        {"X-Log10-Token": "l10__"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic bDEwOmwxMA=="},
        {"Cookie": "log10_session=a.9999999999999.b"},
    ],
    ids=["none", "empty", "nonsense", "unknown", "hollow", "bearer", "basic", "cookie"],
)
def test_no_route_answers_without_a_good_key(
    server: Server, operation: Operation, headers: dict[str, str]
) -> None:
    """Without a key, or with one that is none, every route of the API says 401 and nothing else."""
    with httpx.Client(base_url=server.url, headers=headers, timeout=DEADLINE_S) as stranger:
        answer = ask(stranger, operation)

    assert answer.status_code == 401
    assert answer.json().keys() == {"code", "message", "field"}


@pytest.mark.parametrize("operation", KEYED, ids=named)
def test_no_route_takes_a_key_with_another_secret(tenant: Tenant, operation: Operation) -> None:
    """The id of a real key does not help without its secret."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    other, _ = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    forged = "_".join([*token.split("_")[:2], other.split("_", 2)[2]])

    with httpx.Client(
        base_url=tenant.server.url, headers={"X-Log10-Token": forged}, timeout=DEADLINE_S
    ) as stranger:
        assert ask(stranger, operation).status_code == 401


@pytest.mark.parametrize("operation", KEYED, ids=named)
def test_no_route_takes_a_key_that_has_ended(tenant: Tenant, operation: Operation) -> None:
    """An expired key and a revoked one are 401 everywhere."""
    expired, _ = tenant.server.key(tenant.organization_id, Scope.ADMIN, expires_at_ms=1)
    revoked, key = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    assert tenant.server.store.keys.revoke(tenant.organization_id, key.id, now_ms=1).result()

    for token in (expired, revoked):
        with httpx.Client(
            base_url=tenant.server.url, headers={"X-Log10-Token": token}, timeout=DEADLINE_S
        ) as stranger:
            assert ask(stranger, operation).status_code == 401


@pytest.mark.parametrize("operation", KEYED, ids=named)
def test_a_route_takes_the_scopes_it_names_and_no_other(tenant: Tenant, operation: Operation) -> None:
    """A key of another scope is 403; a key of a right one, and admin, get past the gate."""
    for scope in Scope:
        answer = ask(tenant.client(scope), operation)
        right = scope is Scope.ADMIN or scope in (operation.scopes or ())
        assert (answer.status_code == 403) is not right, scope


@pytest.mark.parametrize(
    ("operation", "place"),
    [(each, place) for each in KEYED for place in PLACES if place != "body" or each.method == "POST"],
    ids=lambda each: each if isinstance(each, str) else named(each),
)
def test_naming_another_organization_is_refused(tenant: Tenant, operation: Operation, place: str) -> None:
    """Wherever a request names an organization, another one than the key's is 403."""
    path = re.sub(r"{\w+}", "some", operation.path)
    body = body_of(operation, {"organization_id": "other"}) if place == "body" else {}
    if operation.path.endswith("/batch"):
        body = {"json": {"completions": [body.get("json", {})]}}
    headers = {place: "other"} if "-" in place else {}
    params = {"organization_id": "other"} if place == "query" else {}

    answer = tenant.client(Scope.ADMIN).request(
        operation.method, path, headers=headers, params=params, **body
    )

    status = answer.json()["results"][0]["status"] if answer.status_code == 207 else answer.status_code
    assert status == 403


def test_what_is_another_organizations_is_not_there(
    server: Server, tenant: Tenant, client: httpx.Client, keep: Callable[..., dict[str, Any]]
) -> None:
    """Ids of another organization are 404 to read and to delete, and its records are in no list."""
    keep(id="theirs", session_id="their-session", source="their-source", sequence=1, tags=["their-tag"])
    task = client.post(
        "/api/v1/feedback_task", json={"json_schema": {}, "completion_tags_selector": ["their-tag"]}
    )
    feedback = client.post(
        "/api/v1/feedback",
        json={"task_id": task.json()["id"], "json_values": {}, "completion_ids": ["theirs"]},
    )
    stranger = Tenant(server, stack=tenant.stack).client(Scope.ADMIN)
    ids = {
        "/api/v1/completions/": "theirs",
        "/api/completions/": "theirs",
        "/api/v1/sessions/": "their-session",
        "/api/v1/sources/": "their-source",
        "/api/v1/feedback_task/": task.json()["id"],
        "/api/v1/feedback/": feedback.json()["id"],
    }

    for prefix, name in ids.items():
        assert client.get(prefix + name).status_code == 200, prefix
        assert stranger.get(prefix + name).status_code == 404, prefix
    assert stranger.delete("/api/v1/completions/theirs").status_code == 404
    assert stranger.delete("/api/v1/completions?tag=their-tag").json() == {"deleted": 0}
    for path in ("completions", "completions?q=insect", "completions?format=jsonl", "sessions", "sources"):
        assert "their" not in stranger.get(f"/api/v1/{path}").text
    assert stranger.get("/api/tags/search?query=their").json() == {"data": []}
    assert stranger.get("/api/v1/feedback").json()["feedback"] == []
    assert stranger.get("/api/v1/statistics").json()["groups"] in ([], client.get("/api/v1/none").json())


def test_writing_another_organizations_id_makes_a_record_of_ones_own(
    server: Server, tenant: Tenant, client: httpx.Client, keep: Callable[..., dict[str, Any]]
) -> None:
    """An id is the organization's own: nobody can change or probe another's record by guessing its id."""
    keep(id="same")
    stranger = Tenant(server, stack=tenant.stack).client(Scope.ADMIN)

    made = stranger.post("/api/v1/completions", json={"id": "same", "tags": ["mine"]})

    assert made.status_code == 201
    assert "tags" not in client.get("/api/v1/completions/same").json()


def test_a_revoked_key_is_trusted_for_five_seconds_at_most(tenant: Tenant) -> None:
    """A key that is revoked while the server knows it is refused once the trust has run out."""
    now = [time.time()]
    gate = Authenticator(tenant.server.store.keys, clock=lambda: now[0])
    token, key = tenant.server.key(tenant.organization_id, Scope.READ)
    assert asyncio.run(gate.authenticate_token(token)) is not None
    tenant.server.store.keys.revoke(tenant.organization_id, key.id, now_ms=int(now[0] * 1000)).result()

    now[0] += KEY_CACHE_MS / 1000

    assert asyncio.run(gate.authenticate_token(token)) is None


def test_every_route_is_in_the_table_and_the_document() -> None:
    """The walk above misses no route: what is served is the table, and the document has all of it."""
    assert {(operation.method, operation.path) for operation in OPERATIONS} == OPERATION_DOCS.keys()
    assert all(operation.path.startswith("/log") for operation in SIGN_IN)


@pytest.mark.parametrize("path", ["/api/v1/completions", "/healthz", "/login", "/nowhere"])
def test_every_answer_carries_the_security_headers(client: httpx.Client, path: str) -> None:
    """No answer may be framed, sniffed, or load anything from elsewhere; none allows another origin."""
    headers = client.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize("operation", KEYED, ids=named)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=["host", "origin", "null-origin", "site"],
)
def test_no_route_answers_another_site(
    tenant: Tenant, operation: Operation, headers: dict[str, str], status: int
) -> None:
    """Even with a good key, a request that another site's script could send is refused."""
    assert ask(tenant.client(Scope.ADMIN, **headers), operation).status_code == status


@pytest.mark.parametrize(
    "operation", [operation for operation in KEYED if operation.method == "POST"], ids=named
)
def test_no_route_takes_what_a_form_can_send(tenant: Tenant, operation: Operation) -> None:
    """A body that does not say it is JSON, as no cross-site form can, is a 415."""
    path = re.sub(r"{\w+}", "some", operation.path)
    answer = tenant.client(Scope.ADMIN).post(path, content=b"{}", headers={"Content-Type": "text/plain"})

    assert answer.status_code == 415


def test_the_log_holds_nothing_private(
    tenant: Tenant, keep: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither keys, nor prompts, nor searches, nor ids, nor tags are in the log."""
    caplog.set_level(logging.DEBUG, logger="log10_trace")
    token, key = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    with httpx.Client(
        base_url=tenant.server.url, headers={"X-Log10-Token": token}, timeout=DEADLINE_S
    ) as client:
        client.post("/api/v1/completions", json={"id": "secretid", "request": "secretprompt"})
        client.post(
            "/api/v1/completions", content=b'{"secretbroken', headers={"Content-Type": "application/json"}
        )
        client.get("/api/v1/completions/secretid", params={"secretparameter": "secretvalue"})
        client.get("/api/v1/completions", params={"q": "secretword", "tag": "secrettag"})
        client.get("/login", params={"code": "secretcode"})

    logged = json.dumps(
        [record.msg if isinstance(record.msg, dict) else record.getMessage() for record in caplog.records]
    )
    assert key.id in logged
    assert token.split("_", 2)[2] not in logged
    assert "secret" not in logged


def test_a_stranger_learns_nothing_from_a_refusal(server: Server) -> None:
    """What is refused at the gate looks the same whether the key's id exists or not."""
    _, key = server.key("anybody", Scope.READ)
    gate = Authenticator(server.store.keys)
    refusals = []
    for token in (f"l10_{key.id}_wrong", "l10_ffffffffffffffff_wrong"):
        with pytest.raises(ApiError) as caught:
            asyncio.run(gate.authenticate({"x-log10-token": token}, {}))
        refusals.append((caught.value.status, caught.value.message))

    assert refusals[0] == refusals[1]
