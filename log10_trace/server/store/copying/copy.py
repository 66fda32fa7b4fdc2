"""Copies everything a store keeps to another store: organization by organization, the oldest records first.

A record that is there already is merged, which has no effect; so a copy that was killed goes on from its last
checkpoint, and the few records behind it are written once more.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final

from log10_trace.domain.keys import Key
from log10_trace.errors import SetupError
from log10_trace.server.store.copying.checkpoint import Checkpoint, CheckpointFile
from log10_trace.server.store.copying.comparison import Holdings, count_holdings, describe_differences
from log10_trace.server.store.data_types import (
    Feedback,
    FeedbackTarget,
    Mark,
    PlacedRecord,
    WriteEffect,
    WriteResult,
)
from log10_trace.server.store.errors import UnstorableError
from log10_trace.server.store.protocol import Store

_MAX_RECORDS: Final = 500
_MAX_CHARACTERS: Final = 4 * 1024 * 1024
"""Of a batch, but for its last record."""
_MAX_WAITING_CHARACTERS: Final = 12 * 1024 * 1024
"""Of the batches that wait for their commit while more are read; a record takes some times as much memory."""
_MARKS_AT_ONCE: Final = 1_000
_FEEDBACK_AT_ONCE: Final = 200
_CHECKPOINT_EVERY_S: Final = 1.0
_SEARCHABLE_WITHIN_S: Final = 600
_ASKED_EVERY_S: Final = 5

Watch = Callable[[str, int, int], None]
"""Called with the stage of the copy, how many records have passed it, and how many there are."""


@dataclass(slots=True, kw_only=True)
class CopyReport:
    """What became of a copy."""

    organizations: int = 0
    records: int = 0
    """Records of the source that were read, in this run."""
    results: Counter[WriteEffect] = field(default_factory=Counter)
    unstorable: list[str] = field(default_factory=list)
    """Ids of records that the target cannot hold."""
    differences: list[str] = field(default_factory=list)
    """Sentences on counts that differ at the end."""
    is_searchable: bool = True
    """Whether the words of all records are indexed."""

    @property
    def is_complete(self) -> bool:
        """Whether the target has all that the source has."""
        return not (self.differences or self.unstorable)


def copy_store(
    source: Store, target: Store, file: CheckpointFile, *, merges: bool = False, watch: Watch
) -> CopyReport:
    """Copy everything; go on where ``file`` says that an earlier copy stopped.

    Args:
        source: read only.
        target: empty, unless an earlier copy from this source is gone on with.
        file: the checkpoint; deleted at the end.
        merges: whether the target may hold other data.
        watch: told of the progress.

    Raises:
        SetupError: both are one database, the target holds other data, or an earlier copy came from
            elsewhere.
        StoreError: one of them failed; what was copied stays, and the same call goes on with it.
    """
    checkpoint = _begin(source, target, file, merges=merges)
    file.write(checkpoint)
    organizations = source.transfer.list_organizations()
    held = {each: count_holdings(source, each) for each in organizations}
    total = sum(one.calls for one in held.values())

    def watch_records(records: int) -> None:
        watch("Copying records", min(records, total), total)

    copy = _Copy(source, target, file, checkpoint, watch_records)
    for organization_id in organizations:
        copy.copy_organization(organization_id)
    report = copy.report
    report.organizations = len(organizations)
    report.is_searchable = _wait_until_searchable(target, watch)
    report.differences += _compare(source, target, held, copy.checkpoint, report)
    file.delete()
    return report


def _begin(source: Store, target: Store, file: CheckpointFile, *, merges: bool) -> Checkpoint:
    there, here = source.transfer.identify(), target.transfer.identify()
    if there == here:
        message = "Source and target are the same database. Name another target."
        raise SetupError(message)
    found = file.read()
    if found is not None and (found.source, found.target) == (there, here):
        return found
    is_merging = not _is_empty(target)
    if is_merging and not merges:
        message = "The target holds data already. Name an empty database, or add to this one with --merge."
        if found is not None:
            message += f" A migration to it from another source was not finished ({file.path})."
        raise SetupError(message)
    return Checkpoint(source=there, target=here, is_merging=is_merging)


def _is_empty(store: Store) -> bool:
    """Whether the store holds nothing but keys, which a server makes when it first starts."""
    return not any(
        any(True for _ in kept)
        for organization_id in store.transfer.list_organizations()
        for kept in (
            store.transfer.read_records(organization_id),
            store.transfer.read_marks(organization_id),
            store.feedback.tasks(organization_id),
        )
    )


def _wait_until_searchable(store: Store, watch: Watch) -> bool:
    steps = _SEARCHABLE_WITHIN_S // _ASKED_EVERY_S
    for step in range(steps):
        watch("Indexing words", step, steps)
        if store.maintenance.wait_until_searchable(_ASKED_EVERY_S):
            watch("Indexing words", steps, steps)
            return True
    return False


def _compare(
    source: Store, target: Store, held: dict[str, Holdings], checkpoint: Checkpoint, report: CopyReport
) -> Iterator[str]:
    may_have_more = checkpoint.is_merging
    if report.results[WriteEffect.DELETED]:
        return  # they were deleted in the target, so its counts are lower by what nobody counted
    for organization_id in held:
        there, here = count_holdings(source, organization_id), count_holdings(target, organization_id)
        yield from describe_differences(organization_id, there, here, may_have_more=may_have_more)


class _Copy:
    """A copy under way."""

    def __init__(
        self,
        source: Store,
        target: Store,
        file: CheckpointFile,
        checkpoint: Checkpoint,
        watch_records: Callable[[int], None],
    ) -> None:
        self._source = source
        self._target = target
        self._file = file
        self.checkpoint = checkpoint
        self.report = CopyReport()
        self._watch_records = watch_records
        self._written_at = time.monotonic()

    def copy_organization(self, organization_id: str) -> None:
        """Copy all of an organization that is not copied yet.

        Marks come last: what arrived, and was deleted, must not keep records out.
        """
        if organization_id in self.checkpoint.finished:
            return
        self.checkpoint = self.checkpoint.enter(organization_id)
        for key in self._source.keys.list(organization_id):
            self._copy_key(key)
        self._copy_records(organization_id)
        for task in self._source.feedback.tasks(organization_id):
            self._target.feedback.add_task(organization_id, task).result()
            self._copy_feedback(organization_id, task.id)
        for marks in _in_groups(self._source.transfer.read_marks(organization_id), _MARKS_AT_ONCE):
            self._target.transfer.put_marks(organization_id, marks).result()
        self.checkpoint = self.checkpoint.leave(organization_id)
        self._file.write(self.checkpoint)

    def _copy_key(self, key: Key) -> None:
        keys, found = self._target.keys, self._target.keys.find(key.id)
        if found is None:
            keys.add(key.organization_id, key).result()
            return
        if (found.organization_id, found.secret_hash) != (key.organization_id, key.secret_hash):
            message = f"The target has another key of the id {key.id}. Delete one of them."
            raise SetupError(message)
        if key.revoked_at_ms is not None:
            keys.revoke(key.organization_id, key.id, now_ms=key.revoked_at_ms).result()

    def _copy_records(self, organization_id: str) -> None:
        waiting: deque[tuple[list[PlacedRecord], Sequence[Future[WriteResult]], int]] = deque()
        held = 0
        since_ms = self.checkpoint.since_ms
        for batch in split_batches(self._source.transfer.read_records(organization_id, since_ms=since_ms)):
            size = sum(record.size for record in batch)
            waiting.append((batch, self._target.transfer.put_records(organization_id, batch), size))
            held += size
            while held > _MAX_WAITING_CHARACTERS:
                held -= self._wait_for(*waiting.popleft())
        while waiting:
            self._wait_for(*waiting.popleft())

    def _wait_for(self, batch: list[PlacedRecord], futures: Sequence[Future[WriteResult]], size: int) -> int:
        """Wait until a batch is committed; its ``size``."""
        for record, future in zip(batch, futures, strict=True):
            error = future.exception()
            if isinstance(error, UnstorableError):
                self.report.unstorable.append(record.id)
            else:
                self.report.results[future.result().change] += 1
        self.report.records += len(batch)
        self.checkpoint = replace(
            self.checkpoint, since_ms=batch[-1].began_ms, records=self.checkpoint.records + len(batch)
        )
        self._watch_records(self.checkpoint.records)
        if time.monotonic() - self._written_at >= _CHECKPOINT_EVERY_S:
            self._file.write(self.checkpoint)
            self._written_at = time.monotonic()
        batch.clear()  # who reads the next one still has it
        return size

    def _copy_feedback(self, organization_id: str, task_id: str) -> None:
        cursor = None
        while True:
            page = self._source.feedback.list_for_task(
                organization_id, task_id, limit=_FEEDBACK_AT_ONCE, cursor=cursor
            )
            futures = [self._add_feedback(organization_id, one) for one in page.items]
            for future in futures:
                future.result()
            cursor = page.next_cursor
            if cursor is None:
                return

    def _add_feedback(self, organization_id: str, feedback: Feedback) -> Future[Feedback]:
        # Records that were deleted in the target are unknown there.
        about = FeedbackTarget(completion_ids=feedback.matched_completion_ids, allow_unmatched=True)
        return self._target.feedback.add(organization_id, feedback, about)


def split_batches(records: Iterable[PlacedRecord]) -> Iterator[list[PlacedRecord]]:
    """Records in batches that fit the memory."""
    batch: list[PlacedRecord] = []
    held = 0
    for record in records:
        batch.append(record)
        held += record.size
        del record  # or it would live on while the next one is read
        if len(batch) >= _MAX_RECORDS or held >= _MAX_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _in_groups(items: Iterable[Mark], size: int) -> Iterator[list[Mark]]:
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group
