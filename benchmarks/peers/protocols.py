"""What each vendor's API answers, as far as its library looks at it. Anything else is answered with ``{}``.

OTLP (Langfuse, Logfire, OpenLLMetry, OpenInference, OpenTelemetry) asks for no more than a success.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final


def answer_to(path: str, body: bytes, url: str) -> dict[str, Any]:
    """The answer to what was sent to ``path`` of the API at ``url``."""
    for pattern, answer in _ANSWERS:
        if pattern.search(path):
            return answer(body, url)
    return {}


def _ours(body: bytes, _url: str) -> dict[str, Any]:
    ids = [json.loads(line)["id"] for line in body.splitlines()]
    return {"results": [{"id": each, "status": 201} for each in ids]}


def _info(_body: bytes, _url: str) -> dict[str, Any]:
    """LangSmith asks what the server can do, as does Datadog of its agent."""
    batches = {"size_limit": 100, "size_limit_bytes": 20_971_520, "use_multipart_endpoint": True}
    scale = {"scale_up_qsize_trigger": 1000, "scale_up_nthreads_limit": 16, "scale_down_nempty_trigger": 4}
    return {
        "version": "1.0.0",
        "instance_flags": {"zstd_compression_enabled": True},
        "batch_ingest_config": {**batches, **scale},
        "endpoints": ["/v0.4/traces", "/v0.5/traces", "/evp_proxy/v2/", "/evp_proxy/v4/"],
    }


def _logfire_project(_body: bytes, url: str) -> dict[str, Any]:
    return {"project_name": "benchmark", "project_url": url}


def _braintrust_login(_body: bytes, url: str) -> dict[str, Any]:
    return {"org_info": [{"id": "1", "name": "benchmark", "api_url": url, "proxy_url": url}]}


def _braintrust_project(_body: bytes, _url: str) -> dict[str, Any]:
    return {"id": "1", "name": "benchmark"}


def _weave_server(_body: bytes, _url: str) -> dict[str, Any]:
    return {"min_required_weave_python_version": "0.0.1", "trace_server_version": "0.0.0"}


def _weave_account(_body: bytes, _url: str) -> dict[str, Any]:
    viewer = {"username": "benchmark", "defaultEntity": {"name": "benchmark"}}
    return {"data": {"project": {"name": "benchmark"}, "viewer": viewer}}


def _weave_object(_body: bytes, _url: str) -> dict[str, Any]:
    return {"digest": "d" * 43}


def _sentry_event(_body: bytes, _url: str) -> dict[str, Any]:
    return {"id": "e" * 32}


_ANSWERS: Final[list[tuple[re.Pattern[str], Callable[[bytes, str], dict[str, Any]]]]] = [
    (re.compile(r"^/api/v1/completions/batch$"), _ours),
    (re.compile(r"^/info$"), _info),
    (re.compile(r"^/v1/info$"), _logfire_project),
    (re.compile(r"^/api/apikey/login$"), _braintrust_login),
    (re.compile(r"^/v1/project$"), _braintrust_project),
    (re.compile(r"^/server_info$"), _weave_server),
    (re.compile(r"^/graphql$"), _weave_account),
    (re.compile(r"^/(obj|file|table)/create$"), _weave_object),
    (re.compile(r"^/api/1/envelope/$"), _sentry_event),
]
