"""The parameters of the API: those of the query, each described once, and those of the path."""

from __future__ import annotations

from typing import Any, Final

from log10_trace.domain.times import DURATION_PATTERN
from log10_trace.server.http.query_params import MAX_CHARS, MAX_OFFSET, MAX_REPEATS
from log10_trace.server.openapi.schemas import LABEL, Schema

_TEXT: Final[Schema] = {**LABEL, "maxLength": MAX_CHARS}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**53}
_SECONDS: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 2**53}
_PAGE: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}
_MOMENT: Final[Schema] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": f"^{DURATION_PATTERN}$"},
    ]
}
_QUERY: Final[dict[str, tuple[Schema, str]]] = {
    "tag": (
        {"type": "array", "items": _TEXT},
        f"A tag; may be repeated, {MAX_REPEATS} times at most.",
    ),
    "tag_match": ({"enum": ["any", "all", "none"], "default": "any"}, "How many of the tags it carries."),
    "session_id": (_TEXT, "The session."),
    "status": ({"enum": ["started", "finished", "failed"]}, "Status of the call."),
    "kind": (_TEXT, "chat or prompt."),
    "model": (_TEXT, "The model that was asked for."),
    "failure_kind": (_TEXT, "The class of the exception."),
    "file": (_TEXT, "The file of the calling line."),
    "function": (_TEXT, "The function of the calling line."),
    "since": (_MOMENT, "Not before: RFC 3339, or so long ago as 2h; a day begins at midnight UTC."),
    "until": (_MOMENT, "Before: RFC 3339, or so long ago as 2h; a day (UTC) is included."),
    "min_duration": (_SECONDS, "Seconds, at least."),
    "max_duration": (_SECONDS, "Seconds, at most."),
    "min_tokens": (_WHOLE, "Tokens in and out, at least."),
    "max_tokens": (_WHOLE, "Tokens in and out, at most."),
    "q": (
        _TEXT,
        'Words that all occur; also "a phrase", begin*, an emoji; * is everything. Other marks are refused.',
    ),
    "limit": (_PAGE, "How many, at most."),
    "cursor": (_TEXT, "Where the page before this one ended: its next_cursor."),
    "order": ({"enum": ["newest", "oldest"], "default": "newest"}, "Which come first."),
    "view": ({"enum": ["summary", "full"], "default": "summary"}, "Lines of a list, or whole records."),
    "format": (
        {"enum": ["json", "jsonl", "csv"], "default": "json"},
        "jsonl and csv stream everything that matches, whole, with no paging.",
    ),
    "bodies": (
        {"enum": ["true", "false"], "default": "false"},
        "Whether csv has columns of the JSON bodies and the stacktrace as well.",
    ),
    "offset": ({**_WHOLE, "maximum": MAX_OFFSET}, "How many to skip."),
    "task_id": (_TEXT, "The feedback task."),
    "completion_id": (_TEXT, "The completion."),
    "group_by": (
        {"enum": ["none", "model", "tag", "call_site", "session"], "default": "none"},
        "What to group by.",
    ),
    "interval": ({"enum": ["minute", "hour", "day"], "default": "hour"}, "The steps of the series."),
    "organization_id": (_TEXT, "The key decides; naming another organization is refused."),
    "query": (_TEXT, "How the tags begin."),
    "tagFilter": ({"type": "string", "pattern": "^$"}, "Ids of tags, with commas between."),
    "createdFilter": ({"const": "{}"}, "JSON: a span from and to."),
    "sort": (_TEXT, "Ignored."),
    "desc": (_TEXT, "Ignored."),
    "ids": (_TEXT, "Ignored."),
}


def query(*names: str, **instead: Schema) -> list[dict[str, Any]]:
    """Parameters of the query by name; ``instead`` gives some another schema."""
    return [
        {
            "name": name,
            "in": "query",
            "schema": _or_empty(instead.get(name, _QUERY[name][0])),
            "description": _QUERY[name][1],
        }
        for name in names
    ]


def _or_empty(schema: Schema) -> Schema:
    """The schema, or nothing: a form sends its empty fields as well, and they mean nothing."""
    if schema.get("type") in ("string", "array"):
        return schema
    return {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


def path(name: str) -> dict[str, Any]:
    """A parameter of the path: any label without slashes."""
    schema = {**LABEL, "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f/\\]+$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}
