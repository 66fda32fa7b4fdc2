"""The fake model endpoint, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.instrument.conftest import endpoint, shared_endpoint
from tests.model_endpoint import Endpoint

__all__ = ["client", "endpoint", "shared_endpoint"]

KEY = "sk-s3cr3t-0123456789"


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY, max_retries=0) as made:
        yield made
