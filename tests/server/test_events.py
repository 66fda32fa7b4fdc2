"""The stream of changes over real HTTP: resumed without a gap, bounded, and ended with the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace.domain.ids import new_id
from log10_trace.domain.keys import Scope
from log10_trace.server.http import change_feed
from tests.server.conftest import Tenant, running

STREAMS = 100


class Events:
    """The events of a response, one after the other."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> dict[str, str]:
        """The fields of the next event."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return fields
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        raise EOFError

    def changed(self) -> list[dict[str, Any]] | None:
        """What the next event with data names."""
        while not (data := self.next().get("data")):
            pass
        named: list[dict[str, Any]] | None = json.loads(data)["changes"]
        return named


@contextmanager
def events(client: httpx.Client, after: str | None = None) -> Iterator[Events]:
    """A stream, read up to its first event, ``ready``."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", "/events", headers=headers) as response:
        assert response.status_code == 200
        stream = Events(response)
        assert stream.next()["event"] == "ready"
        yield stream


def post(client: httpx.Client, **fields: Any) -> str:
    """Store a call; its id."""
    answer = client.post("/api/v1/completions", json={"id": new_id(), "status": "finished", **fields})
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def test_a_stream_tells_what_changes_and_goes_on_where_it_ended(tenant: Tenant) -> None:
    """Changes of the own organization alone; after Last-Event-ID exactly what was missed; else everything."""
    client, other = tenant.client(Scope.ADMIN), Tenant(tenant.server, stack=tenant.stack)
    stranger = other.client(Scope.ADMIN)
    with events(client) as stream:
        assert stream.changed() is None
        post(stranger)
        first = post(client, status="started", session_id="s")
        assert stream.changed() == [{"id": first, "status": "started", "session_id": "s"}]
        post(client, id=first)
        last = stream.next()
        assert json.loads(last["data"])["changes"][0]["status"] == "finished"

    missed = [post(client) for _ in range(2)]
    post(stranger)
    with events(client, last["id"]) as stream:
        told = stream.changed()
        while len(told or ()) < len(missed):
            told = (told or []) + (stream.changed() or [])
        assert [each["id"] for each in told or ()] == missed
        assert client.delete(f"/api/v1/completions/{first}").is_success
        assert stream.changed() == [{"id": first, "status": "deleted", "session_id": "s"}]
    for unknown in ("", "nonsense", "x-1", last["id"] + "9"):
        with events(client, unknown) as stream:
            assert stream.changed() is None, unknown
    assert stream.response.headers["x-accel-buffering"] == "no"
    assert client.head("/events").status_code == 200


def test_a_stream_ends_when_its_key_is_revoked(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life is sent while nothing changes, and the last one finds the key gone."""
    monkeypatch.setattr("log10_trace.server.routes.events._HEARTBEAT_S", 0.05)
    token, key = tenant.server.key(tenant.organization_id, Scope.READ)
    with (
        httpx.Client(base_url=tenant.server.url, headers={"X-Log10-Token": token}, timeout=120) as reader,
        events(reader) as stream,
    ):
        while stream.next().get("event") != "beat":
            pass
        tenant.server.store.keys.revoke(tenant.organization_id, key.id, now_ms=1).result()
        tenant.server.forget_keys()
        with pytest.raises(EOFError):
            list(iter(stream.next, None))


def test_a_hundred_streams_hear_of_a_change_and_do_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are told, one more than the bound is 503, and a server that stops ends them at once."""
    monkeypatch.setattr(change_feed, "MAX_STREAMS_OF_KEY", STREAMS)
    with ExitStack() as stack, ExitStack() as serving:
        server = serving.enter_context(running(tmp_path, stop_s=120))
        token, _ = server.key("org", Scope.ADMIN)
        headers, limits = {"X-Log10-Token": token}, httpx.Limits(max_connections=None)
        client = stack.enter_context(
            httpx.Client(base_url=server.url, headers=headers, timeout=120, limits=limits)
        )
        streams = [stack.enter_context(events(client)) for _ in range(STREAMS)]
        refused = client.get("/events")
        completion_id = post(client)
        for stream in streams:
            while (told := stream.changed()) is None:
                pass
            assert [each["id"] for each in told] == [completion_id]
        serving.close()
        for stream in streams:
            with pytest.raises(EOFError):  # a response that is cut off raises another error
                stream.next()

    assert refused.status_code == 503
    assert "retry-after" in refused.headers
