"""What this server answers to a write counts as delivered, or as the record's own refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log10_trace.domain.ids import new_id
from log10_trace.domain.keys import Scope
from log10_trace.export.delivery import transport
from log10_trace.export.delivery.responses import result_for_record
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests.server.conftest import JSON, Tenant

SCOPES = pytest.mark.parametrize(
    "scopes", [(Scope.INGEST,), (Scope.INGEST, Scope.READ)], ids=["write", "both"]
)


def outbound_record(**fields: Any) -> OutboundRecord:
    """A record with these fields, ready to go."""
    record = {"id": new_id(), "kind": "chat", "status": "finished", **fields}
    return OutboundRecord(record["id"], (json.dumps(record).encode(),))


@SCOPES
def test_every_answer_to_a_single_record_names_it(tenant: Tenant, scopes: tuple[Scope, ...]) -> None:
    """Made, there already, updated, deleted before: also for a key that may not read."""
    client = tenant.client(*scopes)
    sent = outbound_record(request={"model": "m", "seed": 10**40}, extra={"x": 1.50})

    def answer(path: str) -> tuple[int, Disposition]:
        reply = client.post(path, content=sent.body, headers=JSON)
        return reply.status_code, result_for_record(
            HttpReply(reply.status_code, {}, reply.content), sent
        ).disposition

    created = "/api/v1/completions"
    assert answer(created) == (201, Disposition.DONE)
    assert answer(created) == (200, Disposition.DONE)
    assert answer(f"{created}/{sent.id}") == (200, Disposition.DONE)
    tenant.client(Scope.ADMIN).delete(f"{created}/{sent.id}").raise_for_status()
    assert answer(created) == (200, Disposition.DONE)
    assert answer(f"{created}/{sent.id}") == (200, Disposition.DONE)


@SCOPES
def test_every_result_of_a_batch_names_its_record(tenant: Tenant, scopes: tuple[Scope, ...]) -> None:
    """What is taken is done, what is refused is refused, whether its id could be read or not."""
    token, _ = tenant.server.key(tenant.organization_id, *scopes)
    sender = Transport()
    outbound_records = [
        outbound_record(),
        outbound_record(tags="no list"),
        OutboundRecord("spoilt", (b'{"id":"spoilt","status":',)),
        outbound_record(),
    ]
    outcome = sender.send(Server(url=tenant.server.url, token=token), outbound_records, 30.0)
    sender.close()

    done, refused = Disposition.DONE, Disposition.REJECTED
    assert [answer.disposition for answer in outcome.answers] == [done, refused, refused, done]
    assert not outcome.is_single


def test_the_servers_own_refusal_of_a_single_record_is_recognised(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the field at fault, so nobody needs to wait for another record to pass."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.INGEST)
    monkeypatch.setattr(transport, "_BATCH", "/api/v1/no-such-route")
    sender = Transport()
    outcome = sender.send(Server(url=tenant.server.url, token=token), [outbound_record(tags="no list")], 30.0)
    sender.close()

    assert outcome.is_single
    assert [answer.disposition for answer in outcome.answers] == [Disposition.REJECTED]


def test_a_delivery_without_records_is_taken(tenant: Tenant) -> None:
    """Doctor's question changes nothing, and a key that may not write is told so."""
    for scope, disposition in ((Scope.INGEST, Disposition.DONE), (Scope.READ, Disposition.DENIED)):
        token, _ = tenant.server.key(tenant.organization_id, scope)
        sender = Transport()
        assert sender.probe(Server(url=tenant.server.url, token=token), 30.0).disposition is disposition
        sender.close()
