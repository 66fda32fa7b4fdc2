"""Both clients against the real server, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import textwrap
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace import AsyncLog10, Log10, errors
from log10_trace.domain.keys import Scope, make_key
from log10_trace.local_server import LocalServer
from log10_trace.models import components, operations
from log10_trace.server.store import open_store
from tests.models.test_models import JSON, TEXT, same
from tests.odd_ids import ODD_IDS
from tests.processes import server

SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, Path]]:
    """A real server, and its home, for all tests of this module."""
    home = tmp_path_factory.mktemp("served") / "log10"
    home.mkdir(mode=0o700)
    with server(home) as running:
        yield running, home


@pytest.fixture
def access(served: tuple[LocalServer, Path]) -> dict[str, Any]:
    """The arguments of a client for an organization that no other test uses."""
    running, home = served
    organization = f"org-{uuid.uuid4()}"
    token, key = make_key(organization, list(Scope), name="tests", now_ms=time.time_ns() // 1_000_000)
    with contextlib.closing(open_store(home / "completions.db")) as store:
        store.keys.add(organization, key).result()
    return {"log10_token": token, "server_url": running.url, "x_log10_organization": organization}


@pytest.fixture
def client(access: dict[str, Any]) -> Iterator[Log10]:
    """A blocking client."""
    with Log10(**access) as client:
        yield client


EXAMPLE = """
    import log10_trace as log10
    from log10_trace.models import components

    s = log10.Log10(
        log10_token=TOKEN,
        server_url=URL,
    )

    res = s.completions.create(completion=components.Completion(
        organization_id=ORGANIZATION,
        request=components.CreateChatCompletionRequest(
            messages=[
                components.ChatCompletionRequestAssistantMessage(
                    role=components.ChatCompletionRole.ASSISTANT,
                ),
            ],
            model='gpt-4-turbo',
            n=1,
            response_format=components.ResponseFormat(
                type=components.CreateChatCompletionRequestType.JSON_OBJECT,
            ),
            temperature=1,
            top_p=1,
            user='user-1234',
        ),
        response=components.CreateChatCompletionResponse(
            id='<id>',
            choices=[
                components.Choices(
                    finish_reason=components.FinishReason.CONTENT_FILTER,
                    index=859213,
                    message=components.ChatCompletionResponseMessage(
                        content='<value>',
                        role=components.ChatCompletionRole.ASSISTANT,
                    ),
                    logprobs=components.Logprobs(
                        content=[
                            components.ChatCompletionTokenLogprob(
                                token='<value>',
                                logprob=2884.08,
                                bytes=[134365],
                                top_logprobs=[
                                    components.TopLogprobs(token='<value>', logprob=7865.46, bytes=[69025]),
                                ],
                            ),
                        ],
                    ),
                ),
            ],
            created=996706,
            model='gpt-4-turbo',
            object=components.Object.CHAT_COMPLETION,
        ),
    ), x_log10_organization=ORGANIZATION)
"""


def test_the_documentations_example_runs_as_written(access: dict[str, Any]) -> None:
    """The example of the API's documentation makes a completion that holds everything it was built of."""
    names = {
        "TOKEN": access["log10_token"],
        "URL": access["server_url"],
        "ORGANIZATION": access["x_log10_organization"],
    }

    exec(textwrap.dedent(EXAMPLE), names)

    res = names["res"]
    assert isinstance(res, operations.CreateResponse)
    assert res.status_code == 201
    assert res.completion is not None
    assert res.any is None
    response = res.completion.response
    assert response.object is components.Object.CHAT_COMPLETION
    assert response.choices[0].logprobs.content[0].bytes == [134365]
    assert response.choices[0].logprobs.content[0].top_logprobs[0].logprob == 7865.46
    assert res.http_meta.response.status_code == 201
    names["s"].close()


def test_creating_again_gives_any(client: Log10) -> None:
    """A completion that is there already is answered with 200, in ``.any``."""
    client.completions.create(completion={"id": "twice", "status": "finished"})

    again = client.completions.create(completion={"id": "twice", "status": "finished"})

    assert again.status_code == 200
    assert again.completion is None
    assert again.any.id == "twice"


def test_update_completes(client: Log10) -> None:
    """An update adds to what is there, and never takes an ended call back to started."""
    client.completions.create(completion={"id": "u", "status": "started", "tags": ["t"]})

    client.completions.update(completion_id="u", completion=components.Completion(status="finished"))
    after = client.completions.update(completion_id="u", completion={"status": "started"}).completion

    assert after.status is components.Status.FINISHED
    assert after.tags == ["t"]


def test_list_search_get_delete(client: Log10) -> None:
    """What was sent in a batch is listed, found, fetched, counted and deleted."""
    batch = client.completions.batch(
        completions=[
            {"id": f"c{n}", "status": "finished", "tags": ["x" if n % 2 else "y"], "kind": "chat",
             "created_at": f"2026-01-01T00:00:0{n}Z",
             "request": {"model": "m", "messages": [{"role": "user", "content": f"word{n}"}]}}
            for n in range(5)
        ]
        + ['{"id": "bad", "status": "nonsense"}']
    )  # fmt: skip

    assert [result.kept for result in batch.results] == [True] * 5 + [False]
    assert batch.status_code == 207
    assert [found.id for found in client.completions.list(limit=2)] == ["c4", "c3"]
    assert [found.id for found in client.completions.list(tag="x", order="oldest")] == ["c1", "c3"]
    assert [found.id for found in client.completions.search("word3")] == ["c3"]
    assert client.completions.get(completion_id="c2").completion.tags == ["y"]
    assert client.completions.statistics(group_by="none").statistics.groups[0].calls == 5
    assert client.completions.delete(completion_id="c2").status_code == 200
    assert client.completions.delete_many(tag="x").deleted == 2
    assert [found.id for found in client.completions.list()] == ["c4", "c0"]
    with pytest.raises(errors.NotFoundError):
        client.completions.get(completion_id="c2")


def test_any_id_names_its_record(client: Log10, access: dict[str, Any]) -> None:
    """An id that no path can carry is written, read and deleted as any other, and no other record is."""
    for number, name in enumerate(ODD_IDS):
        fields = {"session_id": name, "source": name, "sequence": 1, "status": "finished"}
        record = {**fields, "created_at": f"2026-01-01T00:00:{number:02}Z"}
        assert client.completions.update(completion_id=name, completion=record).completion.id == name
    client.feedback_tasks.create(request={"id": "a/../b", "name": "n", "json_schema": SCHEMA})

    for name in ODD_IDS:
        assert client.sessions.get(session_id=name).session.calls == 1
        assert client.completions.get(completion_id=name).completion.session_id == name
    assert client.sources.get(source="a/../b").source.count == 1
    assert client.feedback_tasks.get(task_id="a/../b").task.name == "n"
    assert client.completions.delete(completion_id="a/../b").status_code == 200
    left = {found.id for found in client.completions.list()}
    assert left == {*ODD_IDS} - {"a/../b"}

    async def read() -> str | None:
        async with AsyncLog10(**access) as awaiting:
            return (await awaiting.sessions.get(session_id="tenant/123")).session.id

    assert asyncio.run(read()) == "tenant/123"
    for unusable, reason in (("", "empty"), ("a/\ud800", "surrogate")):
        with pytest.raises(errors.ArgumentError, match=reason):
            client.sessions.get(session_id=unusable)


def test_pages_are_walked(client: Log10) -> None:
    """A list longer than a page is read to its end."""
    client.completions.batch(completions=[{"id": f"{n:03d}", "status": "finished"} for n in range(230)])

    assert len({found.id for found in client.completions.list()}) == 230
    assert [len(page.items) for page in client.completions.list(limit=150).pages()] == [100, 50]


def test_looking_up_by_a_part_of_an_id(client: Log10) -> None:
    """The completions whose ids begin or end so are found."""
    for each in ("first-feed", "second-feed"):
        client.completions.create(completion={"id": each, "status": "finished"})

    found = client.completions.look_up("feed").completions
    assert [each.id for each in found] == ["second-feed", "first-feed"]
    assert [each.id for each in client.completions.look_up("first", limit=1).completions] == ["first-feed"]


def test_sessions_feedback_and_tasks(client: Log10) -> None:
    """Sessions, tasks and feedback go through in the shapes that the documentation shows."""
    session_id = client.sessions.create().object.session.id
    client.completions.create(
        completion={"id": "a", "status": "finished", "tags": ["t"], "session_id": session_id}
    )
    task = client.feedback_tasks.create(
        request=components.Task(
            json_schema=components.JSONSchema(**SCHEMA),
            name="n",
            instruction="i",
            completion_tags_selector=["t"],
        )
    ).task
    assert client.feedback_tasks.get(task_id=task.id or "").task.name == "n"
    assert [each.id for each in client.feedback_tasks.list().tasks] == [task.id]
    assert [each.id for each in client.completions.list_ungraded().object.completions] == ["a"]

    given = client.feedback.upload(
        request_body=operations.One(
            task_id=task.id,
            json_values=operations.JSONValues(score=3),
            comment="c",
            completion_tags_selector=["t"],
            allow_unmatched_feedback=False,
            max_matched_completions=100,
        )
    ).feedback

    assert given.matched_completion_ids == ["a"]
    assert client.feedback.get(feedback_id=given.id or "").feedback.json_values == {"score": 3}
    body = operations.ListRequestBody(task_id=task.id, limit=5)
    assert [each.id for each in client.feedback.list(request_body=body).object.feedback] == [given.id]
    assert client.completions.list_ungraded(task_id=task.id).object.completions == []
    (session,) = client.sessions.list()
    assert (session.id, session.calls) == (session_id, 1)
    assert client.sessions.get(session_id=session_id or "").session.calls == 1


def test_sources_name_what_is_missing(client: Log10) -> None:
    """The numbers of a process's records that never arrived are named."""
    client.completions.batch(
        completions=[{"id": f"s{n}", "status": "finished", "source": "p", "sequence": n} for n in (1, 2, 5)]
    )

    assert client.sources.get(source="p").source.missing == [[3, 4]]
    assert [each.source for each in client.sources.list().sources] == ["p"]


def test_errors_of_the_server_are_errors_of_the_client(client: Log10, access: dict[str, Any]) -> None:
    """A wrong key, another organization and a bad filter are each an error of their own class."""
    with Log10(**{**access, "log10_token": "wrong"}) as stranger, pytest.raises(errors.AuthenticationError):
        stranger.completions.get(completion_id="a")
    with pytest.raises(errors.AuthenticationError) as forbidden:
        client.completions.get(completion_id="a", x_log10_organization="another")
    with pytest.raises(errors.ValidationError, match="since"):
        list(client.completions.list(since="soon"))
    assert forbidden.value.status_code == 403


def test_the_awaiting_client_does_the_same(access: dict[str, Any]) -> None:
    """Every kind of operation works awaited: one, pages, a stream, an error."""

    async def use() -> tuple[Any, ...]:
        async with AsyncLog10(**access) as client:
            created = await client.completions.create(completion={"id": "a", "status": "finished"})
            await asyncio.gather(
                *(
                    client.completions.create(completion={"id": f"b{n}", "status": "finished"})
                    for n in range(20)
                )
            )
            listed = [each.id async for each in client.completions.list()]
            exported = [piece async for piece in client.completions.export()]
            try:
                await client.completions.get(completion_id="nothing")
            except errors.NotFoundError as error:
                missing = error
            return created, listed, exported, missing

    created, listed, exported, missing = asyncio.run(use())

    assert created.status_code == 201
    assert len(listed) == 21
    assert len(b"".join(exported).splitlines()) == 21
    assert missing.status_code == 404


LABELS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    request=JSON,
    response=JSON,
    native=JSON,
    tags=st.lists(LABELS, max_size=3, unique=True),
    reason=TEXT,
    duration=st.floats(0, 1e6) | st.integers(0, 10**6),
    unknown=st.dictionaries(LABELS, JSON, max_size=3),
)
def test_any_completion_goes_through_unchanged(
    client: Log10,
    *,
    request: Any,
    response: Any,
    native: Any,
    tags: list[str],
    reason: str,
    duration: float,
    unknown: dict[str, Any],
) -> None:
    """Whatever a completion holds comes back from the server the same, to the last lone surrogate."""
    record = {
        **{f"x_{name}": value for name, value in unknown.items()},
        "id": str(uuid.uuid4()),
        "kind": "chat",
        "status": "failed",
        "request": request,
        "response": response,
        "native_request": native,
        "tags": tags,
        "failure_reason": reason,
        "duration": duration,
    }

    client.completions.create(completion=components.Completion.model_validate(record))
    back = client.completions.get(completion_id=record["id"])

    expected = json.loads(json.dumps(record))
    found = json.loads(back.completion.to_json())
    del found["organization_id"]
    assert same({name: found.get(name) for name in expected}, expected)


def test_the_key_of_both_clients_is_described(access: dict[str, Any]) -> None:
    """Both clients are told what their own key is and which organization it is for."""

    async def ask() -> operations.Key:
        async with AsyncLog10(**access) as client:
            return (await client.key.get()).key

    with Log10(**access) as client:
        key = client.key.get().key

    assert key == asyncio.run(ask())
    assert (key.name, key.organization_id) == ("tests", access["x_log10_organization"])
    assert key.scopes == [scope.value for scope in Scope]
    assert key.expires_at is None
