"""The filters of a list of completions: one row a filter, from which every interface to them is derived.

The server's query parser, the OpenAPI parameters, the options of the command line, the page's form and the
column comparisons of both stores' SQL are made of these rows. The fields of the store's ``CompletionFilter``
and of the client's ``Filters`` are written out, for type checkers; a test compares them with the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from log10_trace.domain.call_labels import CHAT, FAILED, FINISHED, PROMPT, STARTED

FilterType = Literal["labels", "pairs", "label", "choice", "start", "end", "seconds", "count", "search"]
"""How a value is read: some labels, some ``KEY=VALUE``, one label, one of the choices, the start or the end
of a span of time, a number of seconds, a whole number, or words to search for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter: its name in the API and the client, its values, and how each interface presents it."""

    name: str
    type: FilterType
    help: str
    """A sentence for the OpenAPI document and the command line's help."""
    label: str
    """One to three words for the page."""
    title: str = ""
    """The label of the form's field, where it says more than ``label``."""
    hint: str = ""
    """An example of a value, for the form's field."""
    choices: tuple[tuple[str, str], ...] = ()
    """Values and their titles on the page. A ``label`` that is none of them is looked for as well."""
    default: str | None = None
    """The choice that holds when none is made."""
    options: tuple[str, ...] = ()
    """The command line's options; none where the command takes the value another way."""
    field: str = ""
    """The field of the store's filter, where it has another name."""
    column: str | None = None
    """The column that the value is compared with; none where the SQL is more than a comparison."""
    operator: Literal["=", ">=", "<="] = "="
    """``column operator value`` must hold."""

    @property
    def store_field(self) -> str:
        """The field of the store's filter."""
        return self.field or self.name

    @property
    def values(self) -> tuple[str, ...]:
        """The values that can be chosen."""
        return tuple(value for value, _ in self.choices)


FILTERS: Final = (
    Filter(
        name="tag",
        type="labels",
        help="A tag of the call.",
        label="tag",
        options=("--tag", "--tags"),
        field="tags",
    ),
    Filter(
        name="tag_match",
        type="choice",
        help="How many of the tags the call must have.",
        label="tags",
        choices=(("any", "any of them"), ("all", "all of them"), ("none", "none of them")),
        default="any",
        options=("--tag-match",),
    ),
    Filter(
        name="metadata",
        type="pairs",
        help="Metadata of the call, as KEY=VALUE; it must have all that are given.",
        label="metadata",
        title="Metadata",
        hint="user_id=42",
        options=("--metadata",),
    ),
    Filter(
        name="status",
        type="choice",
        help="Status of the call.",
        label="status",
        choices=((STARTED, "running"), (FINISHED, "finished"), (FAILED, "failed")),
        options=("--status",),
        column="status",
    ),
    Filter(
        name="kind",
        type="label",
        help="Kind of the call: chat or prompt.",
        label="kind",
        choices=((CHAT, "chat"), (PROMPT, "text completion")),
        options=("--kind",),
        column="kind",
    ),
    Filter(
        name="model",
        type="label",
        help="The requested model.",
        label="model",
        options=("--model",),
        column="model",
    ),
    Filter(
        name="failure_kind",
        type="label",
        help="Class of the exception, such as RateLimitError.",
        label="failure",
        hint="RateLimitError",
        options=("--failure",),
        column="failure_kind",
    ),
    Filter(
        name="session_id",
        type="label",
        help="Id of the session.",
        label="session",
        hint="id",
        options=("--session",),
        column="session_id",
    ),
    Filter(
        name="file",
        type="label",
        help="Source file of the call site.",
        label="file",
        title="File of the call site",
        hint="/srv/app.py",
        options=("--file",),
        column="file",
    ),
    Filter(
        name="function",
        type="label",
        help="Function of the call site.",
        label="function",
        title="Function of the call site",
        hint="summarize",
        options=("--function",),
        column="function",
    ),
    Filter(
        name="prompt_digest",
        type="label",
        help="Digest of the request's text: calls with the same one asked the same.",
        label="same prompt",
        title="Digest of the prompt",
        hint="as the page of a call links it",
        options=("--prompt-digest",),
        column="prompt_digest",
    ),
    Filter(
        name="trace_id",
        type="label",
        help="Id of the OpenTelemetry trace in which the call was made, 32 hexadecimal digits.",
        label="trace",
        title="OpenTelemetry trace",
        hint="4bf92f3577b34da6a3ce929d0e0e4736",
        options=("--trace",),
        column="trace_id",
    ),
    Filter(
        name="since",
        type="start",
        help="Not before this time.",
        label="since",
        title="Since (UTC)",
        hint="2h, or 2026-01-31T12:00:00Z",
        options=("--since", "--from"),
        field="since_ms",
    ),
    Filter(
        name="until",
        type="end",
        help="Before this time; a day without a time is included.",
        label="until",
        title="Until (UTC)",
        hint="15m, or 2026-01-31 with that day",
        options=("--until", "--to"),
        field="until_ms",
    ),
    Filter(
        name="min_duration",
        type="seconds",
        help="At least this many seconds.",
        label="seconds at least",
        hint="1.5",
        options=("--min-duration",),
        column="duration",
        operator=">=",
    ),
    Filter(
        name="max_duration",
        type="seconds",
        help="At most this many seconds.",
        label="seconds at most",
        hint="60",
        options=("--max-duration",),
        column="duration",
        operator="<=",
    ),
    Filter(
        name="min_tokens",
        type="count",
        help="At least this many tokens, input and output together.",
        label="tokens at least",
        hint="1000",
        options=("--min-tokens",),
        column="tokens",
        operator=">=",
    ),
    Filter(
        name="max_tokens",
        type="count",
        help="At most this many tokens, input and output together.",
        label="tokens at most",
        hint="8000",
        options=("--max-tokens",),
        column="tokens",
        operator="<=",
    ),
    Filter(
        name="q",
        type="search",
        help='All words must occur; "a phrase", begin* and emoji; in:request or in:response says where, and'
        " holds for all words or, where both stand, for those behind it; * matches all.",
        label="text",
        options=("--search", "-q"),
        field="text",
    ),
)
FILTER_NAMES: Final = tuple(row.name for row in FILTERS)
COLUMN_FILTERS: Final = tuple(row for row in FILTERS if row.column is not None)
"""Filters that compare a column with the value; their field of the store's filter has the filter's name."""
