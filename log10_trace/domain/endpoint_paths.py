"""Which endpoint of a model API the path of a URL means, whatever stands before it. Pure.

APIs that are compatible with OpenAI's have the endpoints below paths of their own: Groq below ``/openai/v1``,
OpenRouter below ``/api/v1``, Azure below a deployment.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from log10_trace.domain.call_labels import ENDPOINTS, MESSAGES


class EndpointPath(NamedTuple):
    """A path, as its endpoint and what stands before it."""

    endpoint: str
    """One of ``call_labels.ENDPOINTS``."""
    prefix: str
    """``/openai/v1``; empty where the path is the endpoint's."""


_MESSAGES_PATH: Final = f"/v1{MESSAGES}"
"""OpenAI's threads have messages too, under paths that end otherwise."""
_ENDS: Final = {endpoint: _MESSAGES_PATH if endpoint == MESSAGES else endpoint for endpoint in ENDPOINTS}
"""What the path of an endpoint ends with."""
KNOWN_PATHS: Final = {
    path: EndpointPath(endpoint, path.removesuffix(endpoint)) for endpoint, path in _ENDS.items()
}
"""The usual paths, which are found in one step."""


def match_path(url: str) -> EndpointPath | None:
    """The endpoint that a path, or a whole URL, ends with; none where calls of it are not recorded."""
    # The SDK's ``beta.responses`` posts to "/responses?beta=true".
    path = url.partition("?")[0].rstrip("/")
    if not path.startswith("/"):
        path = f"/{path}"
    # "/chat/completions" stands before "/completions", which is its end.
    return next(
        (
            EndpointPath(endpoint, path.removesuffix(endpoint))
            for endpoint, end in _ENDS.items()
            if path.endswith(end)
        ),
        None,
    )
