"""What a type checker knows of the public face: checked by mypy (``test_types.py``), never executed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from typing_extensions import assert_type

import log10_trace as log10
from log10_trace.context import Session
from log10_trace.models import components, errors, operations


@log10.tags("a", "b")
def plain(number: int, *, name: str = "") -> list[str]:
    """A function."""
    return [name] * number


@log10.session(tags=["a"])
async def awaited(number: int) -> str:
    """A coroutine."""
    return str(number)


@log10.tags("a")
def generated() -> Iterator[int]:
    """A generator."""
    yield 1


@log10.session()
@log10.tags("a")
async def generated_awaited() -> AsyncIterator[int]:
    """An asynchronous generator, with two decorators."""
    yield 1


@log10.propagate
def carried(number: int) -> int:
    """A function for another thread."""
    return number


async def decorators_keep_signatures() -> None:
    """A decorated function has the type of the function."""
    assert_type(plain(1, name="x"), list[str])
    assert_type(await awaited(1), str)
    assert_type(generated(), Iterator[int])
    assert_type(carried(1), int)
    async for number in generated_awaited():
        assert_type(number, int)
    plain("1")  # type: ignore[arg-type]
    with log10.session(tags=["a"]) as session:
        assert_type(session, Session)
        assert_type(session.id, str)
        assert_type(session.last_completion_id, str | None)


def blocking_client(client: log10.Log10, completion: components.Completion) -> None:
    """The blocking client's methods return results."""
    created = client.completions.create(completion=completion, x_log10_organization="o")
    assert_type(created, operations.CreateResponse)
    assert_type(created.completion, components.Completion | None)
    assert_type(client.completions.update(completion_id="i", completion=completion).status_code, int)
    assert_type(client.completions.list_ungraded().object.completions, list[components.Completion])
    found = client.completions.look_up("beef").completions
    assert_type(found, list[components.CompletionSummary])
    for summary in client.completions.list(tag=["a"], since="2h", limit=3):
        assert_type(summary, components.CompletionSummary)
    assert_type(client.completions.export(format="jsonl"), Iterator[bytes])
    assert_type(client.sessions.create().object.session, components.Session)
    assert_type(client.feedback_tasks.list().tasks, list[components.FeedbackTask])
    assert_type(client.feedback.list(task_id="t").object.feedback, list[components.Feedback])
    assert_type(client.completions.get("id").completion, components.Completion)
    client.completions.list(limit="3")  # type: ignore[arg-type]
    client.completions.list(tagg="x")  # type: ignore[call-arg]
    client.completions.create()  # type: ignore[call-arg]


async def awaiting_client(client: log10.AsyncLog10, completion: components.Completion) -> None:
    """The awaiting client's methods return coroutines of the same results."""
    assert_type(await client.completions.create(completion=completion), operations.CreateResponse)
    async for summary in client.completions.search("words", model="m"):
        assert_type(summary, components.CompletionSummary)
    async for piece in client.completions.export():
        assert_type(piece, bytes)
    async for page in client.sessions.list().pages():
        assert_type(page.items, list[components.Session])


def errors_have_fields(error: errors.SDKError) -> None:
    """An error of the API knows its answer."""
    assert_type(error.status_code, int)
    assert_type(error.body, str)
    assert_type(error.message, str)
