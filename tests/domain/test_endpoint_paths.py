"""Which endpoint a path means."""

from __future__ import annotations

import pytest

from log10_trace.domain.endpoint_paths import KNOWN_PATHS, match_path


@pytest.mark.parametrize(
    ("url", "endpoint", "prefix"),
    [
        ("/chat/completions", "/chat/completions", ""),
        ("chat/completions", "/chat/completions", ""),
        ("/openai/v1/chat/completions", "/chat/completions", "/openai/v1"),
        ("/v1/completions/", "/completions", "/v1"),
        ("/responses?beta=true", "/responses", ""),
        ("/deployments/gpt/chat/completions?api-version=1", "/chat/completions", "/deployments/gpt"),
        ("https://host:1/v1/responses", "/responses", "/https://host:1/v1"),
    ],
)
def test_a_path_ends_with_its_endpoint(url: str, endpoint: str, prefix: str) -> None:
    """Whatever stands before it, and without query and last slash."""
    assert match_path(url) == (endpoint, prefix)


@pytest.mark.parametrize("url", ["", "/", "/chat/completions/cmpl-1", "/embeddings", "/xchat-completions"])
def test_other_paths_mean_none(url: str) -> None:
    """A stored completion, another endpoint, words that look like one."""
    assert match_path(url) is None


def test_the_known_paths_are_matched_alike() -> None:
    """The quick way gives what the slow one does."""
    assert all(match_path(path) == known for path, known in KNOWN_PATHS.items())
