"""The parameters of the API: those of the query, each described once, and those of the path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from log10_trace.domain.filters import FILTERS, Filter, FilterType
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
_PAIR_PATTERN: Final = r"^[^=\u0000-\u001f\u007f]{1,64}=[^\u0000-\u001f\u007f]*$"
_SCHEMAS: Final[Mapping[FilterType, Schema]] = {
    "labels": {"type": "array", "items": _TEXT},
    "pairs": {"type": "array", "items": {**_TEXT, "pattern": _PAIR_PATTERN}},
    "label": _TEXT,
    "choice": {},
    "start": _MOMENT,
    "end": _MOMENT,
    "seconds": _SECONDS,
    "count": _WHOLE,
    "search": _TEXT,
}
_NOTES: Final[Mapping[FilterType, str]] = {
    "pairs": f" May be repeated, {MAX_REPEATS} times at most.",
    "labels": f" May be repeated, {MAX_REPEATS} times at most.",
    "start": " RFC 3339, or a relative time such as 2h; a day begins at midnight UTC.",
    "end": " RFC 3339, or a relative time such as 2h; days are in UTC.",
}


def _describe_filter(row: Filter) -> tuple[Schema, str]:
    schema = dict(_SCHEMAS[row.type])
    if row.type == "choice":
        schema["enum"] = list(row.values)
    if row.default is not None:
        schema["default"] = row.default
    return schema, row.help + _NOTES.get(row.type, "")


SORTS: Final = (
    "key", "calls", "failed", "tokens", "cost", "p50", "p95", "first_token_p50", "first_token_p95",
)  # fmt: skip
"""The figures that groups of statistics are sorted by."""
_QUERY: Final[Mapping[str, tuple[Schema, str]]] = {
    **{row.name: _describe_filter(row) for row in FILTERS},
    "limit": (_PAGE, "Maximum number of results."),
    "cursor": (_TEXT, "The next_cursor of the previous page."),
    "order": ({"enum": ["newest", "oldest"], "default": "newest"}, "Sort order by time."),
    "view": ({"enum": ["summary", "full"], "default": "summary"}, "Summaries, or whole records."),
    "format": (
        {"enum": ["json", "jsonl", "csv"], "default": "json"},
        "jsonl and csv stream all matching records whole, without paging.",
    ),
    "bodies": (
        {"enum": ["true", "false"], "default": "false"},
        "Whether csv includes columns for the JSON bodies and the stacktrace.",
    ),
    "offset": ({**_WHOLE, "maximum": MAX_OFFSET}, "How many to skip."),
    "id": ({**_TEXT, "minLength": 4}, "The beginning or the end of an id, or the whole id."),
    "task_id": (_TEXT, "The feedback task."),
    "completion_id": (_TEXT, "The completion."),
    "group_by": (
        {
            "anyOf": [
                {"enum": ["none", "model", "tag", "call_site", "session", "failure"]},
                {"type": "string", "pattern": r"^metadata\.[^=\u0000-\u001f\u007f]{1,64}$"},
            ],
            "default": "none",
        },
        "What to group by; failures by the class of the exception, metadata.KEY by the value of the key.",
    ),
    "interval": ({"enum": ["minute", "hour", "day"], "default": "hour"}, "Interval of the time series."),
    "organization_id": (_TEXT, "Must be the key's organization, or absent."),
    "query": (_TEXT, "Prefix of the tags."),
    "tagFilter": ({"type": "string", "pattern": "^$"}, "Ids of tags, separated by commas."),
    "createdFilter": ({"const": "{}"}, "JSON object with from and to."),
    "sort": (_TEXT, "What groups are sorted by, the largest first. Older lists ignore it."),
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
    """A parameter of the path: any label without slashes. ``domain/path_segments.py`` writes the others."""
    schema = {**LABEL, "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f/\\]+$"}
    note = (
        "One with a slash, a backslash or a %, one that begins with ~, and ., .., batch, lookup and ungraded "
        "are written as ~ and their base64url without padding."
    )
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": note}
