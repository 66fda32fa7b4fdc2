"""The shapes that the API takes and gives, as JSON Schema."""

from __future__ import annotations

from typing import Any, Final

from log10_trace.domain.call_labels import STATUSES
from log10_trace.domain.completion_record import MAX_DURATION, MAX_LABEL, MAX_REASON, MAX_TAGS

Schema = dict[str, Any]

LABEL: Final[Schema] = {"type": "string", "maxLength": MAX_LABEL, "pattern": r"^[^\u0000-\u001f\u007f]*$"}
NAME: Final[Schema] = {**LABEL, "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f]+$"}
TEXT: Final[Schema] = {"type": "string", "pattern": r"^[^\u0000]*$"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def reference(name: str) -> Schema:
    """One of ``SCHEMAS``."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


def object_schema(properties: dict[str, Schema], required: list[str] | None = None, **more: Any) -> Schema:
    """An object; by default every property is there."""
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names, **more}


def request_object(properties: dict[str, Schema], required: list[str]) -> Schema:
    """An object that the server takes: further properties are welcome, their names are labels."""
    return object_schema(properties, required, propertyNames={"pattern": LABEL["pattern"]})


_FRAME: Final = object_schema(
    {
        "file": {"description": "The path of the file."},
        "line": {"description": "The source text of the line."},
        "lineno": {"description": "The number of the line, from 1."},
        "name": {"description": "The function."},
    },
    required=[],
)

_COMPLETION: Final[dict[str, Schema]] = {
    "id": {**nullable(NAME), "description": "Made by the server when it is absent."},
    "organization_id": {
        **nullable(LABEL),
        "description": "The key decides; naming another one is refused.",
    },
    "kind": {**nullable(LABEL), "description": "chat or prompt."},
    "status": {"enum": [*STATUSES, None]},
    "tags": nullable(array(LABEL, maxItems=MAX_TAGS)),
    "request": {"description": "The JSON body that was sent to the provider."},
    "response": {"description": "The JSON body that came back; for a stream, the folded equivalent."},
    "stacktrace": nullable(array(_FRAME)),
    "session_id": nullable(LABEL),
    "duration": {
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": MAX_DURATION,
        "description": "Seconds.",
    },
    "failure_kind": nullable(LABEL),
    "failure_reason": nullable({"type": "string", "maxLength": MAX_REASON}),
    "created_at": {"description": "When the call began, RFC 3339; without one, the time of arrival."},
    "time_to_first_token": {"description": "Seconds from the call to the first data of a stream."},
    "endpoint": nullable(LABEL),
    "base_url": {"description": "Where the provider was reached."},
    "request_id": nullable(LABEL),
    "retries": {"description": "How often the SDK tried again."},
    "interrupted": {"description": "True when a stream ended before its answer was whole."},
    "metadata": {"description": "The user's own flat map."},
    "source": nullable(LABEL),
    "sequence": {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": 2**53 - 1,
        "description": "1, 2, 3, ... within source.",
    },
    "native_request": {"description": "A responses call's own request."},
    "native_response": {"description": "A responses call's own response."},
    "raw_request": {
        "description": "The request as it was, as text, where it is no strict JSON (NaN, Infinity)."
    },
    "raw_response": {"description": "The response as it was, as text, where it is no strict JSON."},
    "raw_events": {"description": "The events of a stream, where the response cannot hold all of them."},
}

_SUMMARY: Final[dict[str, Schema]] = {
    "id": NAME,
    "organization_id": LABEL,
    "model": {"type": ["string", "null"]},
    "usage": {
        "type": ["object", "null"],
        "properties": {"input_tokens": nullable(COUNT), "output_tokens": nullable(COUNT)},
    },
    "preview": object_schema({"request": {"type": "string"}, "response": {"type": "string"}}),
}

_COUNTS: Final[dict[str, Schema]] = {
    "calls": COUNT,
    "failed": COUNT,
    "input_tokens": COUNT,
    "output_tokens": COUNT,
    "cost": {"type": ["number", "null"], "description": "US dollars; null when no call could be priced."},
}
_SECONDS: Final[Schema] = {"type": ["number", "null"], "description": "Seconds."}

_FEEDBACK: Final[dict[str, Schema]] = {
    "task_id": NAME,
    "json_values": {"type": "object", "description": "They fit the task's schema."},
    "comment": nullable(TEXT),
}
_ABOUT_IDS: Final = request_object(
    {**_FEEDBACK, "completion_ids": array(NAME, minItems=1, maxItems=MAX_TAGS)},
    required=["task_id", "json_values", "completion_ids"],
)
_ABOUT_TAGS: Final = request_object(
    {
        **_FEEDBACK,
        "completion_tags_selector": array(NAME, minItems=1, maxItems=MAX_TAGS),
        "allow_unmatched_feedback": {"type": "boolean", "default": False},
        "max_matched_completions": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 100},
    },
    required=["task_id", "json_values", "completion_tags_selector"],
)

_DOLLARS: Final[Schema] = {"type": "number", "minimum": 0, "description": "US dollars for a million tokens."}
_TOKEN_PRICES: Final[dict[str, Schema]] = dict.fromkeys(
    ("input", "cached_input", "cache_write", "cache_write_12h", "output"), _DOLLARS
)
_TIER_PRICES: Final[dict[str, Schema]] = {
    **_TOKEN_PRICES,
    "audio": object_schema(_TOKEN_PRICES, required=["input", "output"]),
    "large_input": object_schema({**_TOKEN_PRICES, "above": COUNT}, required=["above", "input", "output"]),
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Completion": request_object(_COMPLETION, required=[]),
    "StoredCompletion": object_schema(
        {**_COMPLETION, "id": NAME, "organization_id": LABEL}, required=["id", "organization_id"]
    ),
    "OlderCompletion": request_object(
        {
            "organization_id": nullable(LABEL),
            "kind": {**nullable(LABEL), "description": "chat or completion."},
            "status": _COMPLETION["status"],
            "tags": _COMPLETION["tags"],
            "session_id": nullable(LABEL),
            "request": {"description": "JSON in a string; JSON itself is taken too."},
            "response": {"description": "JSON in a string; JSON itself is taken too."},
            "stacktrace": {"description": "A list of frames, in a string; anything else is kept aside."},
            "duration": {
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 1000 * MAX_DURATION,
                "description": "Milliseconds.",
            },
        },
        required=[],
    ),
    "CompletionSummary": object_schema(_SUMMARY),
    "BatchResult": object_schema(
        {
            "id": {"type": ["string", "null"]},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "field": {"type": "string"},
        },
        required=["id", "status"],
    ),
    "Session": object_schema({"id": NAME, "first_at": MOMENT, "last_at": MOMENT, **_COUNTS}),
    "NewTask": request_object(
        {
            "id": nullable(NAME),
            "name": nullable(TEXT),
            "instruction": nullable(TEXT),
            "json_schema": {"type": "object", "description": "A JSON Schema."},
            "completion_tags_selector": nullable(array(NAME, maxItems=MAX_TAGS)),
        },
        required=["json_schema"],
    ),
    "Task": object_schema(
        {
            "id": NAME,
            "organization_id": LABEL,
            "created_at_ms": COUNT,
            "created_at": MOMENT,
            "name": {"type": "string"},
            "instruction": {"type": "string"},
            "json_schema": {"type": "object"},
            "completion_tags_selector": array(NAME),
        }
    ),
    "NewFeedback": {"oneOf": [_ABOUT_IDS, _ABOUT_TAGS]},
    "Feedback": object_schema(
        {
            "id": NAME,
            "created_at_ms": COUNT,
            "task_id": NAME,
            "json_values": {"type": "object"},
            "comment": {"type": "string"},
            "matched_completion_ids": array(NAME),
        }
    ),
    "Totals": object_schema(
        {
            "key": {"type": ["string", "null"], "description": "The group; null when not grouped."},
            "start": {**MOMENT, "description": "The step of time; not in groups."},
            **_COUNTS,
            "unpriced": COUNT,
            "p50": _SECONDS,
            "p95": _SECONDS,
            "p99": _SECONDS,
        },
        required=["key", *_COUNTS, "unpriced", "p50", "p95", "p99"],
    ),
    "Prices": object_schema({"models": {"type": "object", "additionalProperties": reference("ModelPrices")}}),
    "ModelPrices": object_schema(
        {
            **_TIER_PRICES,
            "tiers": {
                "type": "object",
                "additionalProperties": object_schema(_TIER_PRICES, required=["input", "output"]),
                "description": "By service_tier; a tier that is not here has no price.",
            },
        },
        required=["input", "output"],
    ),
    "Source": object_schema(
        {
            "source": LABEL,
            "count": COUNT,
            "last": COUNT,
            "missing": array(array({"type": "integer"}, minItems=2, maxItems=2)),
        }
    ),
    "Error": object_schema(
        {
            "code": {"type": "string", "description": "For programs."},
            "message": {"type": "string", "description": "For people."},
            "field": {"type": ["string", "null"], "description": "The field or parameter at fault."},
        }
    ),
}
