"""The document: each operation of the table, with its description, parameters and errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from log10_trace import __version__
from log10_trace.server.openapi.operations import OPERATION_DOCS, OperationDoc
from log10_trace.server.openapi.parameters import path, query
from log10_trace.server.openapi.schemas import SCHEMAS, Schema, reference
from log10_trace.server.operations import Operation

_JSON: Final = "application/json"
_RETRYABLE_STATUSES: Final = frozenset({429, 503, 507})
_ORGANIZATION: Final = {
    "name": "X-Log10-Organization",
    "in": "header",
    "description": "Must be the key's organization, or absent.",
    "schema": {"type": "string"},
}


def build_document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        words = OPERATION_DOCS[operation.method, operation.path]
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, words)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "log10_trace",
            "summary": "The completions API: records of OpenAI SDK calls.",
            "version": __version__,
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "Log10Token": {"type": "apiKey", "in": "header", "name": "X-Log10-Token"},
                "Bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(operation: Operation, words: OperationDoc) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": words.id,
        "summary": words.summary,
        "tags": [words.tag],
        "parameters": [path(name) for name in re.findall(r"{(\w+)}", operation.path)] + words.query,
        "responses": _answers(operation, words),
    }
    if words.request_schema is not None:
        described["requestBody"] = {
            "required": words.needs_body,
            "content": _content({_JSON: words.request_schema, **words.request_media_types}),
        }
    if operation.scopes is None:
        described["security"] = []
        return described
    scopes = [scope.value for scope in operation.scopes]
    described["security"] = [{"Log10Token": []}, {"Bearer": []}]
    described["description"] = f"Needs a key with the scope {' or '.join(scopes)} (admin has all)."
    described["parameters"] += [_ORGANIZATION, *query("organization_id")]
    return described


def _answers(operation: Operation, words: OperationDoc) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, schema in words.responses.items():
        media = {**({_JSON: schema} if schema else {}), **words.response_media_types}
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": _content(media)}
    keyed = () if operation.scopes is None else (401, 403, 429, 503)
    bad_path = (400,) if "{" in operation.path else ()
    for status in sorted({*words.error_statuses, *keyed, *bad_path, 405, 421, 500}):
        answers[str(status)] = _refusal(status)
    return answers


def _refusal(status: int) -> dict[str, Any]:
    content = _content({_JSON: reference("Error")})
    refusal: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": content}
    if status in _RETRYABLE_STATUSES:
        after = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        refusal["headers"] = {"Retry-After": after}
    return refusal


def _content(media: dict[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in media.items()}
