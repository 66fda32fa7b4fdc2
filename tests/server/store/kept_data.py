"""A database with something of everything, and all that can be asked of it: for tests that copy databases."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any, TypeVar

from log10_trace.domain.completion_record import parse
from log10_trace.domain.ids import new_id
from log10_trace.domain.keys import Scope, make_key
from log10_trace.domain.times import rfc3339
from log10_trace.server.store.data_types import (
    CompletionFilter,
    Feedback,
    FeedbackTarget,
    FeedbackTask,
    GroupTotals,
    SessionSummary,
    StatisticsQuery,
)
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import MINUTE_MS, NOON_MS, ORG, OTHER, answer, completion, put_all

Counted = TypeVar("Counted", GroupTotals, SessionSummary)

RECORDS = 150
DELETED = ("deleted-with-sequence", "deleted-without")
PRUNED = "pruned"
LARGE = 600_000
WORDS = ("apple", "pear", "\u6771\u4eac", "stra\u00dfe")
GROUPS = ("none", "model", "tag", "session", "failure", "call_site", "metadata.user")


def fill(store: Store) -> None:
    """Put records of every sort into two organizations, and delete, prune, grade and revoke some."""
    put_all(store, [completion(id=PRUNED, created_at=rfc3339(NOON_MS - MINUTE_MS), source="s", sequence=1)])
    store.maintenance.prune(before_ms=NOON_MS).result()
    drawn = random.Random(17)
    texts = [*(_draw(drawn, number) for number in range(RECORDS)), *_peculiar()]
    put_all(store, [*map(parse, texts), *_to_delete()])
    put_all(store, [completion(id="same", created_at=rfc3339(NOON_MS), tags=["theirs"])], OTHER)
    for completion_id in DELETED:
        assert store.completions.delete_one(ORG, completion_id).result()
    store.sessions.create(ORG).result()
    _give_feedback(store)
    _make_keys(store)


def _draw(drawn: random.Random, number: int) -> str:
    """The text of a record; several begin in one millisecond."""
    status = drawn.choice(("finished", "finished", "finished", "failed", "started"))
    said = " ".join(drawn.choices(WORDS, k=5))
    request = {
        "model": drawn.choice(("gpt-4o", "gpt-4o-mini", "o3")),
        "messages": [{"role": "user", "content": said}],
    }
    fields: dict[str, Any] = {
        "id": f"drawn-{number:03}" if number % 3 else new_id(),
        "created_at": rfc3339(NOON_MS + drawn.randrange(40) * 7 * MINUTE_MS // 3),
        "status": status,
        "kind": "chat",
        "request": request,
        "tags": drawn.sample(["a", "b", "c", "\u00e9"], k=drawn.randrange(4)),
        "metadata": {"user": f"u{drawn.randrange(5)}"},
        "stacktrace": [{"file": f"f{drawn.randrange(3)}.py", "lineno": 3, "name": "main", "line": "x"}],
        "source": f"process-{drawn.randrange(3)}",
        "sequence": number + 2,
    }
    if drawn.randrange(3):
        fields["session_id"] = f"session-{drawn.randrange(30)}"
    if status == "finished":
        fields |= {
            "response": answer(said, drawn.randrange(90), drawn.randrange(9)),
            "duration": drawn.random() * 9,
        }
    if status == "failed":
        fields |= {"failure_kind": drawn.choice(("Timeout", "RateLimit")), "failure_reason": "no"}
    return json.dumps(fields)


def _peculiar() -> list[str]:
    """Texts of records that are easily spoiled."""
    return [
        '{"id": "surrogate", "status": "finished", "request": {"s": "\\ud800 alone", "t": "\\u0000"}}',
        '{"id": "spelled", "n": 123456789012345678901234567890, "x": 1.50, "b": {"a" :1, "a":2}, "u": "\\/"}',
        '{"id": "no-time", "status": "started"}',
        '{"id": "odd-time", "created_at": "yesterday", "status": "finished"}',
        '{"id": "null-time", "created_at": null, "status": "finished", "tags": null}',
        '{"id": "ahead", "created_at": "2999-01-01T00:00:00Z", "status": "finished"}',
        json.dumps({"id": "large", "status": "finished", "request": {"input": "apple " * (LARGE // 6)}}),
    ]


def _to_delete() -> list[Any]:
    return [
        completion(id=DELETED[0], source="s", sequence=7),
        completion(id=DELETED[1], created_at=rfc3339(NOON_MS)),
    ]


def _give_feedback(store: Store) -> None:
    for name in ("one", "two"):
        task = FeedbackTask(
            id=name,
            name=f"{name}\0",
            instruction="",
            json_schema="{}",
            completion_tags_selector=("a",),
            created_at_ms=NOON_MS,
        )
        store.feedback.add_task(ORG, task).result()
    targets = (
        FeedbackTarget(completion_ids=("drawn-002", "drawn-001")),
        FeedbackTarget(tags=("a",)),
        FeedbackTarget(tags=("nothing",), allow_unmatched=True),
    )
    for number, target in enumerate(targets):
        given = Feedback(
            id=f"feedback-{number}",
            task_id="one",
            json_values='{"rating":  5}',
            comment="\0 \u20ac" if number else None,
            matched_completion_ids=(),
            created_at_ms=NOON_MS + number,
            key_id="key" if number else None,
        )
        store.feedback.add(ORG, given, target).result()


def _make_keys(store: Store) -> None:
    for number, organization_id in enumerate((ORG, OTHER, ORG)):
        _, key = make_key(
            organization_id,
            [Scope.READ, Scope.INGEST],
            name=f"key {number}",
            now_ms=NOON_MS + number,
            key_id=f"k{number}",
        )
        store.keys.add(organization_id, key).result()
    store.keys.revoke(ORG, "k2", now_ms=NOON_MS + 5).result()
    store.keys.revoke_page_session(ORG, "left", expires_at_ms=1 << 50, now_ms=0).result()


def export(store: Store, organization_id: str = ORG) -> str:
    """What ``completions export`` writes."""
    found = store.completions.stream(organization_id, CompletionFilter(), order="oldest")
    return "\n".join(one.to_line() for one in found)


def describe(store: Store, organization_id: str) -> dict[str, Any]:
    """All that pages and commands ask of an organization, but for the records themselves."""
    assert store.maintenance.wait_until_searchable()
    listed = store.completions.page(organization_id, CompletionFilter(), limit=1_000)
    return {
        "lists": listed.items,
        "searches": [_search(store, organization_id, word) for word in WORDS],
        "sessions": [_round_cost(one) for one in store.sessions.page(organization_id, limit=100).items],
        "statistics": [_count(store, organization_id, group) for group in GROUPS],
        "tags": store.reports.tags(organization_id),
        "sources": store.reports.sources(organization_id),
        "keys": store.keys.list(organization_id),
        "tasks": store.feedback.tasks(organization_id),
        "feedback": store.feedback.list(organization_id, limit=100),
        "deletions": [store.completions.find_deletion(organization_id, one) for one in DELETED],
        "signed out": store.keys.is_page_session_revoked(organization_id, "left"),
    }


def _count(store: Store, organization_id: str, group: str) -> list[GroupTotals]:
    query = StatisticsQuery(group_by=group, interval="minute", sort="key")
    found = store.reports.statistics(organization_id, query)
    return [_round_cost(one) for one in (*found.groups, *found.series)]


def _round_cost(counted: Counted) -> Counted:
    """The same without the last digits of the cost, which depend on the order of summing."""
    if counted.cost is None:
        return counted
    cost = round(counted.cost, 9)
    return counted._replace(cost=cost) if isinstance(counted, GroupTotals) else replace(counted, cost=cost)


def _search(store: Store, organization_id: str, word: str) -> list[str]:
    found = store.completions.page(organization_id, CompletionFilter(text=word), limit=1_000)
    return [item.id for item in found.items]
