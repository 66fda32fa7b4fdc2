"""Which endpoint of a model API the path of a URL means, whatever stands before it. Pure.

APIs that are compatible with OpenAI's have the endpoints below paths of their own: Groq below ``/openai/v1``,
OpenRouter below ``/api/v1``, Azure below a deployment.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from log10_trace.domain.call_labels import ENDPOINTS


class EndpointPath(NamedTuple):
    """A path, as its endpoint and what stands before it."""

    endpoint: str
    """One of ``call_labels.ENDPOINTS``."""
    prefix: str
    """``/openai/v1``; empty where the path is the endpoint's."""


KNOWN_PATHS: Final = {endpoint: EndpointPath(endpoint, "") for endpoint in ENDPOINTS}
"""The usual paths, which are found in one step."""


def match_path(url: str) -> EndpointPath | None:
    """The endpoint that a path, or a whole URL, ends with; none where calls of it are not recorded."""
    # The SDK's ``beta.responses`` posts to "/responses?beta=true".
    path = url.partition("?")[0].rstrip("/")
    if not path.startswith("/"):
        path = f"/{path}"
    # "/chat/completions" stands before "/completions", which is its end.
    return next(
        (EndpointPath(known, path.removesuffix(known)) for known in ENDPOINTS if path.endswith(known)), None
    )
