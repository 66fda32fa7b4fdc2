"""Arguments and results of a store. Data only; times are milliseconds since 1970, UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from log10_trace.domain.charges import Charge
from log10_trace.domain.marked_text import split_at_marks
from log10_trace.domain.prices import Prices

if TYPE_CHECKING:
    from log10_trace.server.store.common.record_codec import EncodedRecord

TagMatch = Literal["any", "all", "none"]
Order = Literal["newest", "oldest"]
GroupBy: TypeAlias = str
"""``none``, ``model``, ``tag``, ``call_site``, ``session``, ``failure``, or ``metadata.KEY``."""
Interval = Literal["minute", "hour", "day"]
SortBy = Literal[
    "key", "calls", "failed", "tokens", "cost", "p50", "p95", "first_token_p50", "first_token_p95"
]

Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCompletion:
    """A completion as it is kept: each top-level field with the JSON text it was received as."""

    organization_id: str
    id: str
    fields: Mapping[str, str]
    """Name -> JSON text, without ``id`` and ``organization_id``."""

    def to_json(self) -> str:
        """The Completion as JSON text; every field is spelled as it was received."""
        head = f'{{"id":{json.dumps(self.id)},"organization_id":{json.dumps(self.organization_id)}'
        rest = "".join(f",{json.dumps(name)}:{text}" for name, text in self.fields.items())
        return f"{head}{rest}}}"

    def to_line(self) -> str:
        """``to_json`` on one line: outside of strings a line break is only space, inside it is escaped."""
        return self.to_json().replace("\n", " ").replace("\r", " ")


class CallSite(NamedTuple):
    """The innermost frame of a call's stacktrace."""

    file: str
    line: int | None
    function: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a request or a response where words of a search occur."""

    field: Literal["request", "response"]
    text: str
    """On one line, with an ellipsis where something was left out."""
    ranges: tuple[tuple[int, int], ...]
    """The words in the text: the first character of each, and the one behind its last; in order, apart."""

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is one of the words."""
        return list(split_at_marks(self.text, self.ranges))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSummary:
    """A completion's line in a list: its small fields, and the beginnings of what was said."""

    organization_id: str
    id: str
    fields: Mapping[str, str]
    """The small fields only (no bodies, no stacktrace, no unknown ones); name -> JSON text."""
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    preview_request: str
    """Of the last message of a user."""
    preview_response: str
    preview_tool: str | None
    """Of what a tool answered, where that is the last message of the request."""
    call_site: CallSite | None
    charges: tuple[Charge, ...]
    """What the call is charged; empty where an earlier version did not keep it."""
    passages: tuple[Passage, ...] | None = None
    """Where the words of the search occur; None where passages were not asked for."""
    request_ranges: tuple[tuple[int, int], ...] = ()
    """The words of the search in ``preview_request``, as the ranges of a passage."""

    def cost(self, prices: Prices) -> float | None:
        """US dollars; None when the response states no usage or one of the charges has no price."""
        is_stated = self.input_tokens is not None or self.output_tokens is not None
        return prices.cost_of(self.charges) if is_stated and self.charges else None

    def to_json(self, prices: Prices) -> str:
        """The small fields of the Completion as JSON text, plus what lists show of its bodies."""
        usage = None
        if self.input_tokens is not None or self.output_tokens is not None:
            usage = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        preview = {
            "request": self.preview_request,
            "tool": self.preview_tool,
            "response": self.preview_response,
        }
        added = {
            "model": json.dumps(self.model),
            "usage": json.dumps(usage),
            "cost": json.dumps(self.cost(prices)),
            "preview": json.dumps(preview),
            "call_site": json.dumps(self.call_site and self.call_site._asdict()),
        }
        if self.passages is not None:
            added["matches"] = json.dumps([asdict(passage) for passage in self.passages])
        fields = {**self.fields, **added}
        return StoredCompletion(organization_id=self.organization_id, id=self.id, fields=fields).to_json()


class WriteEffect(str, Enum):
    """What a write did: made the record, added to it, found nothing new in what came, or kept nothing."""

    CREATED = "created"
    MERGED = "merged"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    """It was deleted before, and what came repeats it: nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """A write that is committed: what it did, and the record as it now stands (or, deleted, as it came)."""

    change: WriteEffect
    stored: StoredCompletion
    has_ended_call: bool = False
    """Whether the call has ended with this write; not of a write to a record that had ended before."""


DELETED: Final = "deleted"


class CompletionChange(NamedTuple):
    """A completion that a commit created, changed or deleted."""

    organization_id: str
    id: str
    status: str
    """As it now stands; ``DELETED`` when it is gone."""
    session_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionFilter:
    """Which completions are meant: all conditions hold together; what is None or empty asks nothing."""

    tags: tuple[str, ...] = ()
    tag_match: TagMatch = "any"
    """How many of ``tags`` a completion carries."""
    metadata: tuple[str, ...] = ()
    """``KEY=VALUE`` each, all of which a completion has in its metadata."""
    session_id: str | None = None
    status: str | None = None
    kind: str | None = None
    model: str | None = None
    failure_kind: str | None = None
    file: str | None = None
    """The file of the call site (the innermost frame of the stacktrace), exactly."""
    function: str | None = None
    """The function of the call site, exactly."""
    prompt_digest: str | None = None
    """The digest of the request's text."""
    trace_id: str | None = None
    """The OpenTelemetry trace in which the call was made."""
    since_ms: int | None = None
    """Not before."""
    until_ms: int | None = None
    """Before (the moment itself is left out)."""
    min_duration: float | None = None
    """Seconds."""
    max_duration: float | None = None
    """Seconds."""
    min_tokens: int | None = None
    """Input and output together."""
    max_tokens: int | None = None
    text: str | None = None
    """Words that all occur in what was asked or answered; ``"a phrase"``, ``begin*`` and ``in:request`` or
    ``in:response`` are understood (search_query.py)."""

    @property
    def is_span(self) -> bool:
        """Whether it asks for a span of time at most."""
        return replace(self, since_ms=None, until_ms=None) == CompletionFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedFilter(CompletionFilter):
    """A filter whose words were looked for already: a page asks for its rows, its count and its figures."""

    found: tuple[Any, ...] | None = field(default=None, hash=False)
    """What the store knows the completions by that hold the words, within the span of time; None where they
    are many."""

    @classmethod
    def from_filter(cls, wanted: CompletionFilter, found: tuple[Any, ...] | None) -> SearchedFilter:
        """``wanted`` with what was found."""
        return cls(
            **{each.name: getattr(wanted, each.name) for each in fields(CompletionFilter)}, found=found
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCount:
    """How many completions match a filter."""

    calls: int
    is_exact: bool
    """Whether it is exactly so many. Otherwise counting was stopped, and it is so many or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item_co]):
    """Some of a list, and where to go on; no cursor means: that was all."""

    items: tuple[Item_co, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbors:
    """The ids of the completions next to one in a list; None at its ends."""

    newer: str | None = None
    older: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session and what was called in it."""

    id: str
    first_ms: int
    """When it was made, or its first call began."""
    last_ms: int
    """When its last call began."""
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """US dollars; None when no call could be priced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What arrived from one process: its sequence numbers, deleted and pruned records included."""

    source: str
    count: int
    last: int
    """The highest sequence number."""
    missing: tuple[tuple[int, int], ...]
    """Numbers between 1 and ``last`` that never arrived, as ranges with both ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsQuery:
    """What to count: grouped how, in which steps of time, over which span."""

    group_by: GroupBy = "none"
    keys: tuple[str, ...] = ()
    """Only the groups of these keys, however few calls they have; none: those that come first."""
    wanted: CompletionFilter = CompletionFilter()
    """Which calls are counted, with their span of time."""
    since_ms: int | None = None
    """Not before, instead of what ``wanted`` says."""
    until_ms: int | None = None
    """Before, instead of what ``wanted`` says."""
    before: CompletionFilter | None = None
    """Which calls the same groups are counted of as well, to compare: those of the span before, say."""
    interval: Interval = "hour"
    """The steps of the series."""
    sort: SortBy = "calls"
    """The order of the groups; the largest first, keys in their order.

    By calls and by cost, the first of all groups. By another figure, the first of a hundred: those with most
    calls, and those that cost most. Which groups cost most is told by the prices of when they were counted.
    """
    limit: int = 100
    """Groups of the answer."""
    series_groups: int = 6
    """Groups of which a series is given, the first ones; 0: no series."""
    min_matches: int = 0
    """How many match at least, as far as that is known: records too many to be summed are not looked for."""
    with_step_percentiles: bool = True
    """Whether the steps of the series have percentiles, which take most of the time; None without."""

    @property
    def counted(self) -> CompletionFilter:
        """Which calls are counted, in which span of time."""
        return replace(
            self.wanted,
            since_ms=self.wanted.since_ms if self.since_ms is None else self.since_ms,
            until_ms=self.wanted.until_ms if self.until_ms is None else self.until_ms,
        )


class GroupTotals(NamedTuple):
    """Calls of one group, over the whole span (``start_ms`` None) or in one step of it."""

    key: str | None
    """The model, tag, session id, kind of failure (empty where a failed call names none), value of the
    metadata, or ``file:function`` of the call site; None when not grouped."""
    start_ms: int | None
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """US dollars; None when no call could be priced."""
    unpriced: int
    """Calls with tokens that the price table has no price for; not in ``cost``."""
    p50: float | None
    """Seconds; within 5 % of the true percentile. None when no call has ended."""
    p95: float | None
    p99: float | None
    first_token_p50: float | None
    """Seconds to the first token, just as near; None when no call states it."""
    first_token_p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Figures by group and over time."""

    groups: tuple[GroupTotals, ...]
    series: tuple[GroupTotals, ...]
    before: tuple[GroupTotals, ...] = ()
    """The same groups of the calls of ``StatisticsQuery.before``."""
    counted: CompletionFilter = CompletionFilter()
    """Which calls these are figures of: those that were asked for, or more where that would take too long."""
    is_selection: bool = False
    """Whether the groups were sorted among those alone that cost most or have most calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackTask:
    """A request for feedback: the schema of the values, and the completions it applies to."""

    id: str
    name: str
    instruction: str
    json_schema: str
    """JSON text of the schema that values must fit."""
    completion_tags_selector: tuple[str, ...]
    """A completion with any of these tags is selected."""
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackTarget:
    """The completions that feedback is about: named one by one, or all that carry all the tags."""

    completion_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    allow_unmatched: bool = False
    max_matched: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Feedback on completions."""

    id: str
    task_id: str
    json_values: str
    """JSON text."""
    comment: str | None
    matched_completion_ids: tuple[str, ...]
    """Empty until stored; the store fills it from the ``FeedbackTarget``."""
    created_at_ms: int
    key_id: str | None = None
    """The key that it was given with; None where an earlier version stored it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackPage:
    """Some feedback, and how much there is in all."""

    items: tuple[Feedback, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingCandidate:
    """A completion that waits for feedback on a task."""

    completion_id: str
    cursor: str
    """For going on after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingSummary:
    """How much of a task is graded, and by whom."""

    graded: int
    """Completions with feedback for the task."""
    is_exact: bool
    """Whether it is exactly so many. Otherwise counting was stopped, and it is so many or more."""
    key_ids: tuple[str, ...]
    """The keys that its latest feedback was given with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingLease:
    """A completion that one holder grades; nobody else is handed it before the lease expires."""

    completion_id: str
    holder: str
    expires_at_ms: int
    draft: str
    """JSON text that the holder left with it; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """What pruning took away."""

    completions: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDescription:
    """Which database this is."""

    kind: Literal["sqlite", "postgresql", "clickhouse"]
    version: str
    """Of the database system: ``3.46.1``."""
    schema: int
    """The number of the last migration that was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the store is: sizes for the metrics page. Reading it proves that the database answers."""

    kind: Literal["sqlite", "postgresql", "clickhouse"]
    bytes: int
    waiting: int
    """Writes queued and not yet committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRecord:
    """A record exactly as it is kept, and where it stands in lists: what is copied to another database."""

    id: str
    fields: Mapping[str, str]
    """Name -> JSON text; without a ``created_at`` where the record came without one."""
    began_ms: int
    """The millisecond at which it stands, whatever its ``created_at`` says."""
    packed: EncodedRecord | None = field(default=None, compare=False, repr=False)
    """The same fields as ``record_codec.encode`` lays them out, where the store has them so."""

    @property
    def size(self) -> int:
        """Its characters."""
        return sum(map(len, self.fields.values()))


class SessionSpan(NamedTuple):
    """A session, with or without calls."""

    id: str
    first_ms: int
    last_ms: int


class Arrival(NamedTuple):
    """Sequence numbers that arrived from one process, with both ends."""

    source: str
    first: int
    last: int


class Deletion(NamedTuple):
    """What is remembered of a deleted record (deletions.py)."""

    record: str
    """Hash of organization and id."""
    content: str
    """Hash of the content; empty stands for any."""
    day: int
    """Days since 1970."""


class RevokedPageSession(NamedTuple):
    """A session of the page that signed out, remembered until its cookie expires."""

    id: str
    expires_at_ms: int


class PrunedSpan(NamedTuple):
    """Records of any organization that began before the moment may have been pruned."""

    before_ms: int


Mark: TypeAlias = SessionSpan | Arrival | Deletion | RevokedPageSession | PrunedSpan
"""What a database keeps beside records, keys and feedback, and what does not follow from these."""
