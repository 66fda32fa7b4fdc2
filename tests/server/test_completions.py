"""Completions over HTTP: created, merged, listed, exported, deleted; given back as they came."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from log10_trace.domain.keys import Scope
from tests.server.conftest import JSON, Tenant

Keep = Callable[..., dict[str, Any]]

TODAY = datetime.now(timezone.utc).date().isoformat()

EXACT = (
    '{"model": "gpt-4o", "seed": 123456789012345678901234567890, "temperature": 1.10, "top_p": 1e-2, '
    '"messages": [{"role": "user", "content": "caf\\u00e9 \\u0000 \\ud800 caf\u00e9 \U0001f41d"}], '
    '"z": 1, "a": {"b" : []}}'
)


def test_a_record_comes_back_as_it_was_sent(client: httpx.Client) -> None:
    """Big integers, the spelling of numbers, key order, NUL and half characters survive byte for byte."""
    body = f'{{"id":"exact","kind":"chat","status":"finished","request":{EXACT},"response":{EXACT}}}'

    created = client.post("/api/v1/completions", content=body.encode(), headers=JSON)
    found = client.get("/api/v1/completions/exact")

    assert created.status_code == 201
    assert found.content.count(EXACT.encode()) == 2
    assert created.content.count(EXACT.encode()) == 2


def test_creating_again_leaves_one_record(client: httpx.Client, keep: Keep) -> None:
    """The same record sent twice is 201, then 200, and one record."""
    first = keep(id="twice")
    again = client.post("/api/v1/completions", json=first)

    assert again.status_code == 200
    assert len(client.get("/api/v1/completions").json()["completions"]) == 1


def test_looking_up_by_a_part_of_an_id(client: httpx.Client, keep: Keep, tenant: Tenant) -> None:
    """A beginning or an end gives summaries, of the own organization alone; three characters are too few."""
    for each in ("lookup-1-beef", "lookup-2-beef"):
        keep(id=each)

    def look_up(part: str, client: httpx.Client = client, **query: int) -> httpx.Response:
        return client.get("/api/v1/completions/lookup", params={"id": part, **query})

    found = look_up("beef").json()["completions"]
    assert [each["id"] for each in found] == ["lookup-2-beef", "lookup-1-beef"]
    assert found[0]["preview"]
    assert [each["id"] for each in look_up("look", limit=1).json()["completions"]] == ["lookup-2-beef"]
    assert look_up("nothing").json() == {"completions": []}
    assert [look_up("eef").status_code, look_up("").status_code] == [422, 422]
    assert look_up("beef", limit=101).status_code == 422
    other = Tenant(tenant.server)
    with other.stack:
        assert look_up("beef", other.client(Scope.READ)).json() == {"completions": []}


def test_the_server_makes_an_id_where_none_is_given(keep: Keep) -> None:
    """Without an id the record gets one."""
    assert keep()["id"]


def test_an_update_merges_by_field_and_makes_what_is_not_there(client: httpx.Client) -> None:
    """An update creates, then adds; a later start never takes an end back."""
    client.post("/api/v1/completions/u1", json={"status": "started", "tags": ["a"], "request": {"n": 1}})
    client.post("/api/v1/completions/u1", json={"status": "finished", "response": {"m": 2}})
    late = client.post("/api/v1/completions/u1", json={"status": "started"})

    stored = late.json()
    assert (stored["status"], stored["request"], stored["response"]) == ("finished", {"n": 1}, {"m": 2})
    assert stored["tags"] == ["a"]


def test_an_update_that_names_another_id_is_refused(client: httpx.Client) -> None:
    """The path decides which record is meant."""
    answer = client.post("/api/v1/completions/u2", json={"id": "u3"})

    assert (answer.status_code, answer.json()["field"]) == (409, "id")


def test_a_batch_answers_for_each_record(client: httpx.Client) -> None:
    """One bad record in a batch has an error of its own and costs the others nothing."""
    lines = ['{"id":"n1"}', "{not json", '{"id":"n2","status":"nonsense"}', '{"id":"n3","tags":["x"]}']
    answer = client.post(
        "/api/v1/completions/batch",
        content=gzip.compress("\n".join(lines).encode()),
        headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
    )

    results = answer.json()["results"]
    assert answer.status_code == 207
    assert [result["status"] for result in results] == [201, 400, 422, 201]
    assert results[2]["field"] == "status"
    assert client.get("/api/v1/completions/n3").json()["tags"] == ["x"]


def test_a_batch_may_be_one_json_object(client: httpx.Client) -> None:
    """Items of a JSON batch are kept as exactly as lines are."""
    body = f'{{"completions": [ {{"id":"j1","request":{EXACT}}} , {{"id":"j2"}} ]}}'
    answer = client.post("/api/v1/completions/batch", content=body.encode(), headers=JSON)

    assert answer.json()["results"] == [{"id": "j1", "status": 201}, {"id": "j2", "status": 201}]
    assert EXACT.encode() in client.get("/api/v1/completions/j1").content


def test_a_batch_sent_again_is_harmless(client: httpx.Client) -> None:
    """A batch whose answer was lost may be sent once more."""
    body = {"completions": [{"id": "again", "status": "finished", "response": {}}]}

    assert client.post("/api/v1/completions/batch", json=body).json()["results"][0]["status"] == 201
    assert client.post("/api/v1/completions/batch", json=body).json()["results"][0]["status"] == 200


def test_a_batch_with_too_many_records_is_refused_whole(client: httpx.Client) -> None:
    """More records than the limits allow are a 413, and none is kept."""
    most = client.get("/api/v1/limits").json()["batch_items"]
    answer = client.post(
        "/api/v1/completions/batch",
        content=b"{}\n" * (most + 1),
        headers={"Content-Type": "application/x-ndjson"},
    )

    assert answer.status_code == 413
    assert client.get("/api/v1/completions").json()["completions"] == []


def test_pages_hold_every_record_once_while_more_arrive(client: httpx.Client, keep: Keep) -> None:
    """Following the cursor gives each record once, whatever is added meanwhile."""
    made = {keep(id=f"p{number}")["id"] for number in range(7)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get("/api/v1/completions", params={"limit": 3, "cursor": cursor}).json()
        seen += [completion["id"] for completion in page["completions"]]
        keep(id=f"later{len(seen)}")
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"tag": "red"}, {"one", "two"}),
        ({"tag": ["red", "blue"], "tag_match": "all"}, {"two"}),
        ({"tag": ["red", "blue"], "tag_match": "none"}, {"three"}),
        ({"session_id": "s"}, {"three"}),
        ({"status": "failed"}, {"three"}),
        ({"failure_kind": "Timeout"}, {"three"}),
        ({"model": "gpt-4o"}, {"one", "two", "three"}),
        ({"model": "other"}, set()),
        ({"kind": "prompt"}, set()),
        ({"min_duration": "2"}, {"two"}),
        ({"max_duration": "2"}, {"one"}),
        ({"q": "insect"}, {"one", "two", "three"}),
        ({"q": "wasp"}, set()),
        ({"since": "1h"}, {"one", "two", "three"}),
        ({"until": "1h"}, set()),
        ({"since": TODAY, "until": TODAY}, {"one", "two", "three"}),
        ({"until": TODAY, "model": ["gpt-4o", "", "gpt-4o"]}, {"one", "two", "three"}),
        ({"file": "app.py", "function": "run"}, {"one"}),
    ],
)
def test_filters_choose(client: httpx.Client, keep: Keep, params: dict[str, Any], expected: set[str]) -> None:
    """Each filter of the list does what its name says."""
    frame = {"file": "app.py", "line": "run()", "lineno": 3, "name": "run"}
    keep(id="one", tags=["red"], duration=1.5, stacktrace=[frame])
    keep(id="two", tags=["red", "blue"], duration=3)
    keep(id="three", session_id="s", status="failed", failure_kind="Timeout")

    found = client.get("/api/v1/completions", params=params).json()["completions"]

    assert {completion["id"] for completion in found} == expected


@pytest.mark.parametrize(
    "query",
    [
        "nonsense=1",
        "status=done",
        "since=soon",
        "limit=0",
        "cursor=x",
        "q=%22%22",
        "model=a&model=b",
        "status=failed&status=finished",
        "since=1h&since=2h",
        "min_tokens=1&min_tokens=2",
        "order=newest&order=oldest",
    ],
)
def test_a_filter_that_means_nothing_is_an_error(client: httpx.Client, query: str) -> None:
    """A mistake in a filter is named; the filter is never silently left out."""
    answer = client.get(f"/api/v1/completions?{query}")

    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


def test_a_full_page_holds_whole_records(client: httpx.Client, keep: Keep) -> None:
    """``view=full`` gives each record as it is got by id, and the cursor that goes on after them."""
    whole = [keep(id=f"c{n}") for n in range(3)]

    page = client.get("/api/v1/completions", params={"view": "full", "limit": 2, "order": "oldest"}).json()
    assert page["completions"] == whole[:2]

    more = {"view": "full", "order": "oldest", "cursor": page["next_cursor"]}
    assert client.get("/api/v1/completions", params=more).json() == {
        "completions": whole[2:],
        "next_cursor": None,
    }
    nothing = client.get("/api/v1/completions", params={"view": "full", "tag": "none"}).json()
    assert nothing == {"completions": [], "next_cursor": None}


def test_an_export_streams_whole_records(client: httpx.Client, keep: Keep) -> None:
    """As JSON lines every record is there, whole, in the order asked for."""
    made = [keep(id=f"e{number}")["id"] for number in range(5)]

    answer = client.get("/api/v1/completions", params={"format": "jsonl", "order": "oldest"})

    records = [json.loads(line) for line in answer.text.splitlines()]
    assert [record["id"] for record in records] == made
    assert records[0]["request"]["messages"][0]["content"] == "What is a bee?"


def test_a_deleted_record_is_gone(client: httpx.Client, keep: Keep) -> None:
    """After deletion neither id nor search finds it, and deleting again is a 404."""
    keep(id="gone")

    assert client.delete("/api/v1/completions/gone").json() == {"deleted": 1}
    assert client.get("/api/v1/completions/gone").status_code == 404
    assert client.get("/api/v1/completions?q=insect").json()["completions"] == []
    assert client.delete("/api/v1/completions/gone").status_code == 404


def test_a_repeated_delivery_of_a_deleted_record_is_answered_as_done(
    client: httpx.Client, keep: Keep
) -> None:
    """Sent again, alone, by id or in a batch, a deleted record is acknowledged by its id and stays gone."""
    record = keep(id="repeated", source="s" * 32, sequence=1)
    client.delete("/api/v1/completions/repeated")

    alone = client.post("/api/v1/completions", json=record)
    by_id = client.post("/api/v1/completions/repeated", json=record)
    batch = client.post("/api/v1/completions/batch", json={"completions": [record]})

    assert [(answer.status_code, answer.json()["id"]) for answer in (alone, by_id)] == [(200, "repeated")] * 2
    result = batch.json()["results"][0]
    assert (result["id"], result["status"], result["code"]) == ("repeated", 200, "deleted")
    assert client.get("/api/v1/completions/repeated").status_code == 404


def test_deleting_many_needs_a_session_or_a_tag(client: httpx.Client, keep: Keep) -> None:
    """A whole organization is never deleted by leaving the filter out."""
    keep(id="d1", tags=["old"])
    keep(id="d2", session_id="s")
    keep(id="d3")

    assert client.delete("/api/v1/completions").status_code == 422
    assert client.delete("/api/v1/completions?status=finished").status_code == 422
    assert client.delete("/api/v1/completions?tag=old").json() == {"deleted": 1}
    assert client.delete("/api/v1/completions?session_id=s").json() == {"deleted": 1}
    assert [each["id"] for each in client.get("/api/v1/completions").json()["completions"]] == ["d3"]


def test_deleting_by_the_absence_of_a_tag_is_refused(client: httpx.Client, keep: Keep) -> None:
    """Having none of these tags names everything else, which nobody means by naming a tag."""
    keep(id="kept", tags=["other"])

    answer = client.delete("/api/v1/completions", params={"tag": "gone", "tag_match": "none"})

    assert (answer.status_code, answer.json()["field"]) == (422, "tag_match")
    assert client.get("/api/v1/completions/kept").status_code == 200


def test_a_key_that_only_writes_reads_nothing_back(tenant: Tenant, client: httpx.Client, keep: Keep) -> None:
    """A leaked ingest key reveals nothing: not by creating again, not by an empty update."""
    keep(id="private")
    writer = tenant.client(Scope.INGEST)

    answers = [
        writer.post("/api/v1/completions", json={"id": "private"}),
        writer.post("/api/v1/completions/private", json={}),
    ]

    for answer in answers:
        assert answer.json().keys() == {"id", "organization_id", "kind", "status"}
    assert client.get("/api/v1/completions/private").json()["request"]


def test_sessions_statistics_and_sources_count_what_came(client: httpx.Client, keep: Keep) -> None:
    """The reports see each record as soon as it is acknowledged."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    for sequence in (1, 2, 4):
        keep(session_id="s", source="p", sequence=sequence, duration=1, response={"usage": usage})

    session = client.get("/api/v1/sessions/s").json()
    group = client.get("/api/v1/statistics?group_by=session").json()["groups"][0]
    source = client.get("/api/v1/sources/p").json()

    assert (session["calls"], session["input_tokens"]) == (3, 30)
    assert client.get("/api/v1/sessions").json()["sessions"] == [session]
    assert (group["key"], group["calls"], group["output_tokens"]) == ("s", 3, 15)
    assert group["p50"] == pytest.approx(1, rel=0.05)
    assert source == {"source": "p", "count": 3, "last": 4, "missing": [[3, 3]]}
    assert client.get("/api/v1/sources").json()["sources"] == [source]


def test_a_session_is_made_by_asking(client: httpx.Client) -> None:
    """A session's id stands alone, and where the original API has it."""
    made = client.post("/api/v1/sessions").json()

    assert made["id"] == made["session"]["id"]
    assert client.get(f"/api/v1/sessions/{made['id']}").json()["calls"] == 0


def test_many_at_once_are_all_answered(client: httpx.Client, tenant: Tenant) -> None:
    """Thirty-two connections posting at once lose nothing."""
    token = client.headers["X-Log10-Token"]
    statuses: list[int] = []

    def post(name: int) -> None:
        with httpx.Client(base_url=tenant.server.url, headers={"X-Log10-Token": token}, timeout=60) as own:
            for number in range(10):
                record = {"id": f"{name}-{number}", "status": "finished", "tags": ["many"]}
                statuses.append(own.post("/api/v1/completions", json=record).status_code)

    threads = [threading.Thread(target=post, args=(name,)) for name in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [201] * 320
    lines = client.get("/api/v1/completions?format=jsonl&tag=many").text.splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == 320
