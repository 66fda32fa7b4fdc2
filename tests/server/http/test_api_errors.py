"""What the store could not do becomes an answer that tells the sender whether to try again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import httpx
import pytest

from log10_trace.server.http.api_errors import from_store_error
from log10_trace.server.store import errors
from tests.server.conftest import Server


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (errors.StoreFullError(), 507, True),
        (errors.StoreBusyError(), 503, True),
        (errors.StoreClosedError(), 503, True),
        (errors.StoreError(), 503, True),
        (errors.CursorError(), 422, False),
        (errors.SearchError(), 422, False),
        (errors.MatchError("completion_ids", "Too many."), 409, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_of_the_store_has_its_status(
    error: errors.StoreError, status: int, *, again: bool
) -> None:
    """What may pass says Retry-After; what will not, does not."""
    refusal = from_store_error(error)

    assert refusal.status == status
    assert ("Retry-After" in refusal.headers) is again


@pytest.fixture
def full(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the store say that the disk is full, from the n-th write on."""

    def fill(after: int) -> None:
        put = server.store.completions.put
        left = iter(range(after))

        def put_or_refuse(*arguments: Any, **options: Any) -> Future[Any]:
            if next(left, None) is not None:
                return put(*arguments, **options)
            refused: Future[Any] = Future()
            refused.set_exception(errors.StoreFullError())
            return refused

        monkeypatch.setattr(server.store.completions, "put", put_or_refuse)
        monkeypatch.setattr(
            server.store.completions,
            "put_many",
            lambda organization_id, incoming: [put_or_refuse(organization_id, one) for one in incoming],
        )

    return fill


def test_a_full_disk_is_507_and_nothing_else_breaks(
    client: httpx.Client, full: Callable[[int], None]
) -> None:
    """A record that finds no room is refused with 507; reading goes on."""
    full(0)
    answer = client.post("/api/v1/completions", json={"id": "x"})

    assert (answer.status_code, answer.json()["code"]) == (507, "full")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/api/v1/completions").status_code == 200


def test_a_batch_that_is_half_kept_says_which_half(client: httpx.Client, full: Callable[[int], None]) -> None:
    """Items kept before the disk was full are acknowledged, the others are 507 each."""
    full(1)
    answer = client.post("/api/v1/completions/batch", json={"completions": [{"id": "a"}, {"id": "b"}]})

    assert answer.status_code == 207
    assert [result["status"] for result in answer.json()["results"]] == [201, 507]


def test_a_batch_of_which_nothing_is_kept_is_refused_whole(
    client: httpx.Client, full: Callable[[int], None]
) -> None:
    """Where no item could be kept and none is at fault, the whole answer says to come again."""
    full(0)
    answer = client.post("/api/v1/completions/batch", json={"completions": [{"id": "a"}, {"id": "b"}]})

    assert answer.status_code == 507
    assert answer.headers["Retry-After"]
