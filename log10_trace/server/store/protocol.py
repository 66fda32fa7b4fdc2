"""The contract of a store: what the server asks of SQLite, PostgreSQL and ClickHouse alike.

Every method that touches rows takes the organization first and sees nothing of any other; ``Keys.find`` is
the one way to learn the organization, ``Maintenance`` and ``Transfer`` are the database's own business.

A read that takes longer than ``READ_TIMEOUT_S`` ends with ``StoreBusyError``. Looking up keys and feedback
tasks, and ``Maintenance.health``, use connections that no other read uses.

Methods that write give a ``concurrent.futures.Future`` at once; it is resolved after the commit, so a result
is durable and readable by everybody. Methods that read block; call them on a thread. All are safe to call
from any thread. Besides what a method names, a read may raise and the future of a write may fail with
``StoreFullError``, ``StoreBusyError``, ``StoreClosedError`` or a plain ``StoreError``; a failed write left
nothing behind. The call of a write raises none of these, not when the store is full or closed either.

ClickHouse has neither transactions nor locks. There, a write that failed in the middle may leave a delivery
behind, which nothing shows until the record comes again, and then it is merged. Several queries are not
answered at one moment. Figures are of just the calls that were asked for, however many: its statistics and
counts of a group are never of more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Final, Protocol, TypeAlias

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.keys import Key
from log10_trace.domain.prices import Prices
from log10_trace.server.store.data_types import (
    CompletionChange,
    CompletionFilter,
    CompletionSummary,
    Feedback,
    FeedbackPage,
    FeedbackTarget,
    FeedbackTask,
    GradingCandidate,
    GradingLease,
    GradingSummary,
    Health,
    Mark,
    MatchCount,
    Neighbors,
    Order,
    Page,
    PlacedRecord,
    PruneReport,
    SessionSummary,
    SourceReport,
    Statistics,
    StatisticsQuery,
    StoredCompletion,
    StoreDescription,
    WriteResult,
)

READ_TIMEOUT_S: Final = 30
"""How long one read may take in the database."""
COUNT_TIMEOUT_S: Final = 0.03
"""How long records are counted one by one: a third of what a page may take."""
GRADED_LIMIT: Final = 10_000
"""Graded completions of a task that are counted one by one."""


class Completions(Protocol):
    """The records.

    Where ``wanted.text`` has a word that no record of the organization holds, words that begin with it match.
    """

    def put(
        self, organization_id: str, incoming: CompletionRecord, *, replace_tags: bool = False
    ) -> Future[WriteResult]:
        """Create the record, or merge into the one with its id (the rules are ``incoming.merge``'s).

        ``replace_tags`` is for an update, which sets the tags; a delivery only ever adds to them.
        """
        ...

    def put_many(
        self, organization_id: str, incoming: Sequence[CompletionRecord]
    ) -> list[Future[WriteResult]]:
        """``put`` each, in order and in few commits; one that fails costs none of the others."""
        ...

    def get(self, organization_id: str, completion_id: str) -> StoredCompletion | None:
        """The whole record, or None when the organization has none of this id."""
        ...

    def get_many(self, organization_id: str, completion_ids: Sequence[str]) -> dict[str, StoredCompletion]:
        """The whole records of some ids, by id; those that are not there are left out."""
        ...

    def page(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
        with_passages: bool = False,
    ) -> Page[CompletionSummary]:
        """One page of what matches, by the time the calls began; stable while records come in.

        ``with_passages`` each has the passages where words of ``wanted.text`` occur, as far as they are found
        in the beginning of the record; a page of the longest records takes a fraction of a second.

        Raises:
            CursorError: ``cursor`` was not given by a page.
            SearchError: ``wanted.text`` holds no word.
        """
        ...

    def search(self, organization_id: str, wanted: CompletionFilter) -> CompletionFilter:
        """The filter, with the completions in which its words are found, where they are few.

        Reads that take it instead of ``wanted`` give the same, and do not look for the words again. It is
        good for reads that follow at once. A filter without words is given back as it is.

        Raises:
            SearchError: ``wanted.text`` holds no word.
        """
        ...

    def get_summaries(
        self, organization_id: str, completion_ids: Sequence[str]
    ) -> dict[str, CompletionSummary]:
        """The lines of these completions in a list, by id, without unknown ones."""
        ...

    def find_session_ends(
        self, organization_id: str, session_ids: Sequence[str]
    ) -> dict[str, tuple[CompletionSummary, CompletionSummary]]:
        """The first and the last call of each of some sessions, by session; none of one without calls."""
        ...

    def find_ids(self, organization_id: str, part: str, *, limit: int) -> list[str]:
        """Ids that begin or end with ``part``, ``limit`` of them at most; only ``part`` where it is an id.

        In descending order, which is the newest first where ids are UUIDv7.
        """
        ...

    def find_neighbors(self, organization_id: str, completion_id: str, wanted: CompletionFilter) -> Neighbors:
        """The calls beside a call in the list of what matches; none beside an unknown call.

        The call itself need not match.

        Raises:
            SearchError: ``wanted.text`` holds no word.
        """
        ...

    def count(
        self, organization_id: str, wanted: CompletionFilter, *, timeout_s: float = COUNT_TIMEOUT_S
    ) -> MatchCount:
        """How many completions match: exactly, or at least how many when that takes too long.

        Roll-ups answer at once for all calls, and for those of one model, tag, session or call site, failed
        or not, in any span of time. Other filters are counted record by record, for ``timeout_s`` seconds
        (of processor time, where the database runs in this process).

        Raises:
            SearchError: ``wanted.text`` holds no word.
        """
        ...

    def find_deletion(self, organization_id: str, completion_id: str) -> int | None:
        """The day on which the record was deleted, as its first millisecond; None when none is remembered.

        Of a pruned record nothing is remembered as a rule.
        """
        ...

    def stream(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        *,
        order: Order = "newest",
        limit: int | None = None,
    ) -> Iterator[StoredCompletion]:
        """Every whole record that matches, one by one: memory stays flat, writers are not held up.

        Raises:
            SearchError: ``wanted.text`` holds no word (raised at the call, not at the first record).
        """
        ...

    def list_ungraded(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[StoredCompletion] | None:
        """Completions with any tag of the task's selector and no feedback for the task, newest first.

        None when the organization has no such task.
        """
        ...

    def delete(self, organization_id: str, wanted: CompletionFilter) -> Future[int]:
        """Delete what matches everywhere it is (rows, text index, shared stacks, roll-ups); how many.

        Words of ``wanted.text`` are meant as they are, where other methods take one that no record holds for
        the beginning of others.
        """
        ...

    def delete_one(self, organization_id: str, completion_id: str) -> Future[bool]:
        """Delete one record everywhere it is; False when there was none."""
        ...


class Sessions(Protocol):
    """Sessions, made by asking for one or by the first call that names one."""

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""
        ...

    def page(
        self,
        organization_id: str,
        wanted: CompletionFilter | None = None,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[SessionSummary]:
        """Sessions with a call that is ``wanted``, the one with the latest call first.

        A session without a call is in the span of time in which it was made.

        Raises:
            CursorError: ``cursor`` was not given by a page.
            SearchError: ``wanted.text`` holds no word.
        """
        ...

    def get(self, organization_id: str, session_id: str) -> SessionSummary | None:
        """One session, or None."""
        ...


class Reports(Protocol):
    """What is counted as records come in."""

    @property
    def prices(self) -> Prices:
        """What cost is worked out with."""

    def statistics_together(
        self, organization_id: str, queries: Sequence[StatisticsQuery]
    ) -> list[Statistics]:
        """The answers to several queries, as ``statistics`` gives them, at one moment.

        Records at the ends of a span are read once for all queries of the span.

        Raises:
            SearchError: the text of a filter holds no word.
        """
        ...

    def statistics(self, organization_id: str, query: StatisticsQuery) -> Statistics:
        """Counts, tokens, cost and percentiles of what matches, by group and over time.

        Roll-ups answer for all calls, and for those of one model, tag, session, call site or failure. What
        other filters mean is summed record by record where the records are few. Where they are many, the
        figures are those of more calls, which ``counted`` names.

        Raises:
            SearchError: ``query.wanted.text`` holds no word.
        """
        ...

    def tags(self, organization_id: str, *, prefix: str = "", limit: int = 100) -> list[str]:
        """The tags in use that begin with ``prefix``, in alphabetical order."""
        ...

    def sources(self, organization_id: str) -> list[SourceReport]:
        """What arrived from each process, and what did not."""
        ...

    def source(self, organization_id: str, source: str) -> SourceReport | None:
        """What arrived from one process; None when nothing did."""
        ...


class FeedbackStore(Protocol):
    """Feedback tasks and feedback."""

    def add_task(self, organization_id: str, task: FeedbackTask) -> Future[FeedbackTask]:
        """Keep a task; a task of the same id is replaced."""
        ...

    def tasks(self, organization_id: str) -> list[FeedbackTask]:
        """Every task, oldest first."""
        ...

    def task(self, organization_id: str, task_id: str) -> FeedbackTask | None:
        """One task, or None."""
        ...

    def add(self, organization_id: str, feedback: Feedback, selection: FeedbackTarget) -> Future[Feedback]:
        """Keep feedback about the selected completions; the answer names them.

        The future raises ``MatchError`` when nothing matches and ``allow_unmatched`` is not set, when an id
        is unknown, when more than ``max_matched`` match, or when the organization has no such task.
        """
        ...

    def list(
        self,
        organization_id: str,
        *,
        offset: int = 0,
        limit: int = 50,
        completion_id: str | None = None,
        task_id: str | None = None,
    ) -> FeedbackPage:
        """Feedback, newest first."""
        ...

    def list_for_task(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[Feedback]:
        """Feedback on a task, newest first; each page costs the same, however far down.

        Raises:
            CursorError: ``cursor`` was not given by a page.
        """
        ...

    def list_values(self, organization_id: str, task_id: str, *, limit: int) -> tuple[str, ...]:
        """The values alone of the latest feedback on a task, newest first, as JSON texts."""
        ...

    def get(self, organization_id: str, feedback_id: str) -> Feedback | None:
        """One piece of feedback, or None."""
        ...

    def delete(self, organization_id: str, feedback_id: str) -> Future[bool]:
        """Delete one piece of feedback; False when there was none."""
        ...


class GradingQueue(Protocol):
    """Which completion is graded next, and by whom: leases that expire.

    A holder is whoever grades one completion at a time, such as a browser's tab.
    """

    def list_candidates(
        self,
        organization_id: str,
        task: FeedbackTask,
        *,
        holder: str,
        now_ms: int,
        limit: int,
        cursor: str | None = None,
    ) -> list[GradingCandidate]:
        """Completions that the task selects, without feedback for it and leased to no other holder.

        Newest first, after ``cursor``.

        Raises:
            CursorError: ``cursor`` is not a candidate's.
        """
        ...

    def lease(
        self,
        organization_id: str,
        task_id: str,
        completion_ids: Sequence[str],
        *,
        holder: str,
        now_ms: int,
        expires_at_ms: int,
        take_over: bool = False,
        draft: str = "",
    ) -> Future[str | None]:
        """Lease the first of the completions that still waits, and give up the holder's other leases.

        The future gives its id, or None when another holder has each, or feedback came. With ``take_over``
        the first is leased whatever was done to it.
        """
        ...

    def list_leases(self, organization_id: str, task_id: str, *, now_ms: int) -> list[GradingLease]:
        """The task's leases that have not expired."""
        ...

    def summarize(self, organization_id: str, task_id: str, *, limit: int = GRADED_LIMIT) -> GradingSummary:
        """How many completions have feedback for the task, up to ``limit``, and who gave it lately."""
        ...


class Keys(Protocol):
    """The keys of the API, hashed."""

    def add(self, organization_id: str, key: Key) -> Future[Key]:
        """Keep a key."""
        ...

    def find(self, key_id: str) -> Key | None:
        """The key of this id, whosever it is, revoked and expired ones too; the caller judges it."""
        ...

    def list(self, organization_id: str | None = None) -> list[Key]:
        """The keys of an organization (None: of all, for the command line), oldest first."""
        ...

    def revoke(self, organization_id: str, key_id: str, *, now_ms: int) -> Future[bool]:
        """Revoke a key; False when the organization has none of this id that is still valid."""
        ...

    def touch(self, organization_id: str, key_id: str, *, now_ms: int) -> None:
        """Note the key's use; kept lazily, about once a minute a key, never waited for."""
        ...

    def revoke_page_session(
        self, organization_id: str, session_id: str, *, expires_at_ms: int, now_ms: int
    ) -> Future[None]:
        """Record that a page session signed out; kept until its cookie expires. Repeating changes nothing."""
        ...

    def is_page_session_revoked(self, organization_id: str, session_id: str) -> bool:
        """Whether the page session signed out, on any server of this database."""
        ...


ChangeListener: TypeAlias = Callable[[Sequence[CompletionChange] | None], None]
"""Called with what a commit changed; with None when records may have changed that nobody names."""


class Changes(Protocol):
    """What commits change, for those who watch."""

    def watch(self, listener: ChangeListener) -> Callable[[], None]:
        """Have ``listener`` called after each commit that changes completions, whichever server commits.

        Its first call names nothing, and from then on no change is missed. It is called on any thread, in the
        order of the commits, and must return at once. Returns a function that ends the watch.
        """
        ...


class Maintenance(Protocol):
    """The database's own business, over all organizations."""

    def prune(self, *, before_ms: int | None = None, max_bytes: int | None = None) -> Future[PruneReport]:
        """Delete what began before ``before_ms``, then the oldest until the database fits ``max_bytes``.

        Runs in small steps between which other writes get through; room is given back to the disk.
        """
        ...

    def wait_until_searchable(self, timeout: float = 30.0) -> bool:
        """Wait until the words of all that is committed can be searched for; False after ``timeout`` seconds.

        Records can be read at once; their words a store may index behind the commit.
        """
        ...

    def health(self) -> Health:
        """Ask the database something, and say how it is."""
        ...

    def describe(self) -> StoreDescription:
        """Which database this is, by kind, version and schema."""
        ...


class Transfer(Protocol):
    """What is read and written where a whole database is copied to another, of any kind.

    Keys, feedback and its tasks are copied with the methods that all use. Words, roll-ups and what else
    follows from records is worked out by the database that they are copied to.
    """

    def identify(self) -> str:
        """A text that two addresses share exactly if they lead to the same database."""
        ...

    def list_organizations(self) -> list[str]:
        """Every organization of which there is anything, in order."""
        ...

    def read_records(self, organization_id: str, *, since_ms: int = 0) -> Iterator[PlacedRecord]:
        """Every record that stands at ``since_ms`` or later in lists, the oldest first.

        No more than a few megabytes of records are held, or one larger record.
        """
        ...

    def put_records(self, organization_id: str, records: Sequence[PlacedRecord]) -> list[Future[WriteResult]]:
        """``Completions.put_many`` at the places that are given.

        New records of one millisecond are listed in the order in which they come, where fewer than 256 of
        them stand there. A record that was deleted here stays so; pruning keeps nothing out.
        """
        ...

    def read_marks(self, organization_id: str) -> Iterator[Mark]:
        """What else is kept, in any order."""
        ...

    def put_marks(self, organization_id: str, marks: Sequence[Mark]) -> Future[None]:
        """Add to what is kept: spans become wider, the latest moment stays. Repeating changes nothing."""
        ...


class Store(Protocol):
    """A database of completions, by subject. Close it to give up its threads and connections."""

    @property
    def completions(self) -> Completions:
        """The records."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The sessions they belong to."""
        ...

    @property
    def reports(self) -> Reports:
        """What is counted."""
        ...

    @property
    def feedback(self) -> FeedbackStore:
        """Feedback tasks and feedback."""
        ...

    @property
    def grading_queue(self) -> GradingQueue:
        """What is graded next, and by whom."""
        ...

    @property
    def keys(self) -> Keys:
        """Who may come in."""
        ...

    @property
    def changes(self) -> Changes:
        """What commits change."""
        ...

    @property
    def maintenance(self) -> Maintenance:
        """Maintenance of the database: health, pruning, space."""
        ...

    @property
    def transfer(self) -> Transfer:
        """All there is, for another database."""
        ...

    def close(self, timeout: float = 10.0) -> None:
        """Commit what was accepted, then shut. Seconds; called again it does nothing."""
        ...
