"""The store's SQL by name, and the types of the columns that it inserts."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from log10_trace.server.store.common.named_sql import read_blocks

_FOLDER: Final = files(__package__) / "sql"
SQL: Final = {
    name: text
    for file in sorted(_FOLDER.iterdir(), key=lambda file: file.name)
    if file.name.endswith(".sql")
    for name, text in read_blocks(file.read_text("utf-8")).items()
}

INSERTED_TYPES: Final[dict[str, dict[str, str]]] = {
    "deliveries": {
        "organization_id": "String",
        "id": "String",
        "version": "UInt64",
        "place": "Int64",
        "skipped": "UInt32",
        "replaces_tags": "Bool",
        "source": "String",
        "sequence": "UInt64",
        "head": "String",
        "body": "String",
        "stack": "String",
    },
    "completions": {
        "organization_id": "String",
        "place": "Int64",
        "id": "String",
        "deliveries": "UInt32",
        "is_gone": "UInt8",
        "server": "String",
        "status": "String",
        "kind": "Nullable(String)",
        "model": "Nullable(String)",
        "session_id": "Nullable(String)",
        "failure_kind": "Nullable(String)",
        "file": "Nullable(String)",
        "function": "Nullable(String)",
        "site": "String",
        "duration": "Nullable(Float64)",
        "input_tokens": "Nullable(Int64)",
        "output_tokens": "Nullable(Int64)",
        "tokens": "Nullable(Int64)",
        "tags": "Array(String)",
        "metadata": "Array(String)",
        "rates": "Array(String)",
        "charged_input": "Array(Int64)",
        "charged_output": "Array(Int64)",
        "charged_cached": "Array(Int64)",
        "buckets": "Array(Int16)",
        "prompt_digest": "Nullable(String)",
        "trace_id": "Nullable(String)",
        "has_sequence": "Bool",
        "skipped": "UInt32",
        "preview_request": "String",
        "preview_response": "String",
        "preview_tool": "Nullable(String)",
        "head": "String",
        "request_words": "String",
        "response_words": "String",
    },
    "changes": {
        "server": "String",
        "number": "UInt64",
        "organization_id": "String",
        "id": "String",
        "status": "String",
        "session_id": "Nullable(String)",
    },
    "deleted": {
        "organization_id": "String",
        "record": "String",
        "content": "String",
        "day": "UInt32",
        "version": "UInt64",
    },
    "summed_days": {"organization_id": "String", "day": "UInt32", "written": "UInt64", "batch": "UInt64"},
    "pruned": {"number": "UInt8", "before_ms": "Int64"},
    "sessions": {
        "organization_id": "String",
        "id": "String",
        "made_ms": "Int64",
        "version": "UInt64",
        "is_gone": "UInt8",
    },
    "feedback_tasks": {
        "organization_id": "String",
        "id": "String",
        "name": "String",
        "instruction": "String",
        "json_schema": "String",
        "tags_selector": "Array(String)",
        "created_at_ms": "Int64",
        "version": "UInt64",
    },
    "feedback": {
        "organization_id": "String",
        "id": "String",
        "task_id": "String",
        "json_values": "String",
        "comment": "Nullable(String)",
        "completion_ids": "Array(String)",
        "created_at_ms": "Int64",
        "key_id": "Nullable(String)",
        "version": "UInt64",
        "is_gone": "UInt8",
    },
    "grading_claims": {
        "organization_id": "String",
        "task_id": "String",
        "completion_id": "String",
        "claim": "String",
        "holder": "String",
        "is_held": "Bool",
        "expires_at_ms": "Int64",
        "draft": "String",
        "version": "UInt64",
        "is_gone": "UInt8",
    },
    "keys": {
        "organization_id": "String",
        "id": "String",
        "name": "String",
        "scopes": "String",
        "secret_hash": "String",
        "created_at_ms": "Int64",
        "expires_at_ms": "Nullable(Int64)",
        "revoked_at_ms": "Nullable(Int64)",
        "last_used_at_ms": "Nullable(Int64)",
    },
    "revoked_page_sessions": {"organization_id": "String", "id": "String", "expires_at_ms": "Int64"},
    "log10_migrations": {"number": "UInt32", "name": "String", "checksum": "String"},
}
"""Table -> column -> its type for the driver, in the order of the rows that are inserted."""
