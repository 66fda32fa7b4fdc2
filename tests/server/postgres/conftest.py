"""A PostgreSQL store of each test's own, and records to put there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import Store
from tests.server.postgres_cluster import (
    empty_postgres_url,
    postgres_cluster,
    postgres_server,
    postgres_template,
    postgres_url,
    shared_postgres_url,
)

__all__ = [
    "empty_postgres_url",
    "postgres_cluster",
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "shared_postgres_url",
]

Make = Callable[..., CompletionRecord]


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    """A store on a database of this test's own."""
    opened = open_store(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def make() -> Make:
    """Makes a finished chat completion, with other fields as given."""

    def made(**fields: Any) -> CompletionRecord:
        request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "What is a bee?"}]}
        response = {"choices": [{"message": {"role": "assistant", "content": "An insect."}}]}
        record = {"kind": "chat", "status": "finished", "request": request, "response": response}
        return parse(json.dumps(record | fields))

    return made
