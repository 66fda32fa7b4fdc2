"""Inserts, merges and deletes a record with everything derived from it. Inside a transaction."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from log10_trace.domain import text_extraction
from log10_trace.domain.completion_record import CompletionRecord, from_stored_fields
from log10_trace.server.store.common import deletions, record_codec
from log10_trace.server.store.common.columns import (
    COUNTING,
    FAILURES_COUNTED,
    CompletionColumns,
    extract_columns,
)
from log10_trace.server.store.common.counted import Counted, read_counted, restore_counted, write_counted
from log10_trace.server.store.common.record_writes import (
    apply_write,
    build_write_result,
    ends_call,
    memory_size,
)
from log10_trace.server.store.data_types import DELETED, CompletionChange, WriteEffect, WriteResult
from log10_trace.server.store.sqlite.index_backlog import IndexEntry
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.transaction import Transaction

PURGE_INDEX = "cleanse"
"""The chore of taking deleted words out of the text index."""

# Tells apart what began in one millisecond.
_arrivals = itertools.count(random.getrandbits(8))


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRecord:
    """A record, its words and its columns."""

    incoming: CompletionRecord
    words: text_extraction.CompletionText
    facts: CompletionColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRecord(DerivedRecord):
    """A record and all that follows from it alone; made on the caller's thread, to keep the writer's free."""

    packed: record_codec.EncodedRecord

    @property
    def size(self) -> int:
        """About the bytes it keeps in memory."""
        return memory_size(self.incoming)


def prepare(
    incoming: CompletionRecord,
    *,
    now_ms: int,
    began_ms: int | None = None,
    packed: record_codec.EncodedRecord | None = None,
) -> PreparedRecord:
    """Work a record out, which stands at ``began_ms`` if that is given.

    ``packed`` are its fields where they are encoded already.
    """
    known = _derive(incoming, now_ms, began_ms)
    packed = packed or record_codec.encode(incoming.fields)
    return PreparedRecord(incoming=incoming, words=known.words, facts=known.facts, packed=packed)


def _derive(incoming: CompletionRecord, now_ms: int, began_ms: int | None = None) -> DerivedRecord:
    words = text_extraction.extract_text(incoming.values)
    facts = extract_columns(incoming, words, now_ms=now_ms, began_ms=began_ms)
    return DerivedRecord(incoming=incoming, words=words, facts=facts)


def put(
    transaction: Transaction,
    organization_id: str,
    new: PreparedRecord,
    *,
    replace_tags: bool = False,
    is_copy: bool = False,
) -> WriteResult:
    """Create the record, or merge into the one with its id.

    A copy of another database's record keeps its order in lists, and pruning does not keep it out.
    """
    key = organization_id, str(new.incoming.id)
    position = transaction.find_position(*key)
    if position is None and _is_repeat(transaction, organization_id, new, heeds_pruning=not is_copy):
        return build_write_result(WriteEffect.DELETED, *key, new.incoming.fields, new.facts.began_ms)
    if position is None:
        allocate = transaction.allocate_next_position if is_copy else _allocate_any(transaction)
        began_ms = SORT_KEYS.began_ms(_insert(transaction, organization_id, new, allocate))
        has_ended_call = ends_call(None, new.incoming)
        return build_write_result(
            WriteEffect.CREATED, *key, new.incoming.fields, began_ms, has_ended_call=has_ended_call
        )
    old = _load(transaction, position)
    effect, merged = apply_write(old.derived.incoming, new.incoming, replace_tags=replace_tags)
    has_ended_call = ends_call(old.derived.incoming, merged)
    began_ms = SORT_KEYS.began_ms(old.position)
    if effect is WriteEffect.MERGED:
        _replace(transaction, old, prepare(merged, now_ms=began_ms))
    return build_write_result(effect, *key, merged.fields, began_ms, has_ended_call=has_ended_call)


def _allocate_any(transaction: Transaction) -> Callable[[str, str, int], int]:
    def allocate(organization_id: str, completion_id: str, began_ms: int) -> int:
        return transaction.allocate_position(organization_id, completion_id, began_ms, next(_arrivals))

    return allocate


def _is_repeat(
    transaction: Transaction, organization_id: str, new: PreparedRecord, *, heeds_pruning: bool
) -> bool:
    """Whether the record, which is not there, was there and was deleted or pruned."""
    facts = new.facts
    remembered = transaction.find_deleted_content(organization_id, str(new.incoming.id))
    if deletions.is_repeat(new.incoming, facts, remembered):
        return True
    if facts.source is None or facts.sequence is None or not heeds_pruning:
        return False
    if facts.began_ms >= transaction.pruned_before_ms:
        return False
    return transaction.has_arrived(organization_id, facts.source, facts.sequence)


def delete(transaction: Transaction, position: int, *, is_pruned: bool = False) -> bool:
    """Take the record at ``position`` away from every table; False when there is none."""
    if transaction.first("load_at", {"position": position}) is None:
        return False
    old = _load(transaction, position)
    _remove_derived_rows(transaction, old)
    transaction.execute("delete_completion", {"position": position})
    transaction.execute("delete_body", {"position": position})
    transaction.executemany(
        "delete_tag", [(old.organization_id, label, position) for label in old.derived.facts.labels]
    )
    _delete_feedback(transaction, old.organization_id, str(old.derived.incoming.id))
    transaction.free_position(old.organization_id, str(old.derived.incoming.id))
    _remember(transaction, old, is_pruned=is_pruned)
    transaction.execute("put_chore", (PURGE_INDEX,))
    _note_change(transaction, old.organization_id, old.derived, DELETED)
    return True


def _remember(transaction: Transaction, old: _LoadedRecord, *, is_pruned: bool) -> None:
    incoming = old.derived.incoming
    if is_pruned:
        transaction.note_pruned(SORT_KEYS.began_ms(old.position) + 1)
        if deletions.has_sequence(old.derived.facts):
            return
    content = deletions.hash_content(incoming)
    transaction.remember_deleted(old.organization_id, str(incoming.id), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LoadedRecord:
    """A record as the database holds it, worked out again."""

    position: int
    organization_id: str
    derived: DerivedRecord
    """As it was counted."""
    skipped: int
    stack: int | None


def _load(transaction: Transaction, position: int) -> _LoadedRecord:
    row = transaction.execute("load_at", {"position": position}).fetchone()
    derived = _derive(_decode(row), SORT_KEYS.began_ms(position))
    return _LoadedRecord(
        position=position,
        organization_id=row["organization_id"],
        derived=replace(derived, facts=_restore(row, derived)),
        skipped=row["skipped"],
        stack=row["stack_number"],
    )


def _decode(row: sqlite3.Row) -> CompletionRecord:
    fields = record_codec.decode(record_codec.EncodedRecord(row["head"], row["body"], row["stack"]))
    return from_stored_fields(row["id"], row["organization_id"], fields)


def _restore(row: sqlite3.Row, derived: DerivedRecord) -> CompletionColumns:
    """The columns that the record was counted by."""
    return restore_counted(derived.facts, _counted(row), derived.incoming.values.get("response"))


def _counted(row: sqlite3.Row) -> Counted:
    return Counted(*(row[name] for name in Counted._fields))


def _insert(
    transaction: Transaction,
    organization_id: str,
    new: PreparedRecord,
    allocate: Callable[[str, str, int], int],
) -> int:
    """Enter the record at the position that is allocated for it; the position."""
    completion_id = str(new.incoming.id)
    position = allocate(organization_id, completion_id, new.facts.began_ms)
    row = (*_row_values(new), position, organization_id, completion_id)
    transaction.defer_insert("insert_completion", [row])
    skipped = transaction.seen_messages.count_repeated(organization_id, new.facts.session_id, new.words)
    stack = _stack(transaction, organization_id, new)
    transaction.defer_insert("insert_body", [(*_body_values(new, skipped, stack), position)])
    transaction.defer_insert("insert_tag", [(organization_id, label, position) for label in new.facts.labels])
    _add_derived_rows(transaction, organization_id, position, new, skipped)
    _note_change(transaction, organization_id, new)
    return position


def _replace(transaction: Transaction, old: _LoadedRecord, new: PreparedRecord) -> None:
    _remove_derived_rows(transaction, old)
    transaction.execute("update_completion", (*_row_values(new), old.position))
    stack = _stack(transaction, old.organization_id, new)
    transaction.execute("update_body", (*_body_values(new, old.skipped, stack), old.position))
    _replace_labels(transaction, old.organization_id, old.position, old.derived.facts, new.facts)
    _add_derived_rows(transaction, old.organization_id, old.position, new, old.skipped)
    _note_change(transaction, old.organization_id, new)


def _replace_labels(
    transaction: Transaction,
    organization_id: str,
    position: int,
    before: CompletionColumns,
    after: CompletionColumns,
) -> None:
    """Have the index of tags hold those of the record as it is now."""
    gone, new = set(before.labels).difference(after.labels), set(after.labels).difference(before.labels)
    transaction.executemany("delete_tag", [(organization_id, label, position) for label in gone])
    transaction.executemany("insert_tag", [(organization_id, label, position) for label in new])


def _note_change(
    transaction: Transaction, organization_id: str, changed: DerivedRecord, status: str | None = None
) -> None:
    facts = changed.facts
    transaction.note_change(
        CompletionChange(organization_id, str(changed.incoming.id), status or facts.status, facts.session_id)
    )


def _add_derived_rows(
    transaction: Transaction, organization_id: str, position: int, new: PreparedRecord, skipped: int
) -> None:
    """Enter the record in what is derived from records: text index, roll-ups, sequences."""
    transaction.index(position, _words(organization_id, new, skipped))
    transaction.count(organization_id, _fix_start(new.facts, position))
    if new.facts.source and new.facts.sequence:
        transaction.add_sequence(organization_id, new.facts.source, new.facts.sequence)


def _remove_derived_rows(transaction: Transaction, old: _LoadedRecord) -> None:
    """Take the record out of text index and roll-ups, and its stack's use back."""
    transaction.delete_from_index(old.position, _words(old.organization_id, old.derived, old.skipped))
    transaction.count(old.organization_id, _fix_start(old.derived.facts, old.position), -1)
    if old.stack is not None:
        transaction.adjust_stack_refcount(old.stack, -1)


def _fix_start(known: CompletionColumns, position: int) -> CompletionColumns:
    """A record keeps its place for good, so it is counted when that says it began, whatever came later."""
    began_ms = SORT_KEYS.began_ms(position)
    return known if known.began_ms == began_ms else replace(known, began_ms=began_ms)


def recount(transaction: Transaction, position: int) -> None:
    """Count the record at ``position`` by the rules of now, if an earlier version counted it."""
    row = transaction.first("load_at", {"position": position})
    rules = COUNTING if row is None else read_counted(_counted(row))[0]
    if row is None or rules == COUNTING:
        return
    if rules == FAILURES_COUNTED and '"metadata"' not in row["head"]:
        return  # nothing of it is counted in another way since
    new = _derive(_decode(row), SORT_KEYS.began_ms(position))
    before = _restore(row, new)
    transaction.count(row["organization_id"], _fix_start(before, position), -1)
    transaction.count(row["organization_id"], _fix_start(new.facts, position))
    transaction.execute("update_completion", (*_row_values(new), position))
    _replace_labels(transaction, row["organization_id"], position, before, new.facts)


def words_at(transaction: Transaction, position: int) -> IndexEntry:
    """What the text index is told of the record at ``position``."""
    kept = _load(transaction, position)
    return _words(kept.organization_id, kept.derived, kept.skipped)


def _words(organization_id: str, new: DerivedRecord, skipped: int) -> IndexEntry:
    return IndexEntry(
        organization_word(organization_id),
        new.words.searchable_request(skipped),
        new.words.searchable_response(),
    )


@lru_cache
def organization_word(organization_id: str) -> str:
    """The one word that stands for an organization in the text index."""
    return "o" + blake2b(organization_id.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _stack(transaction: Transaction, organization_id: str, new: PreparedRecord) -> int | None:
    """The number of the record's stack, kept once for all records that share it."""
    if new.packed.stack is None:
        return None
    digest = blake2b(new.incoming.fields["stacktrace"].encode(), digest_size=16).digest()
    number = transaction.stacks.get((organization_id, digest))
    if number is None:
        values = {"organization_id": organization_id, "digest": digest, "body": new.packed.stack}
        row = transaction.execute_now("find_stack", values).fetchone()
        row = row or transaction.execute_now("insert_stack", values).fetchone()
        number = transaction.stacks[organization_id, digest] = int(row["number"])
    transaction.adjust_stack_refcount(number, 1)
    return number


def _row_values(new: DerivedRecord) -> tuple[Any, ...]:
    facts = new.facts
    return (
        facts.status,
        facts.kind,
        facts.model,
        facts.session_id,
        facts.failure_kind,
        facts.file,
        facts.function,
        facts.duration,
        facts.tokens,
        facts.input_tokens,
        facts.output_tokens,
        write_counted(facts),
        facts.preview_tool,
        facts.prompt_digest,
        facts.trace_id,
    )


def _body_values(new: PreparedRecord, skipped: int, stack: int | None) -> tuple[Any, ...]:
    facts, packed = new.facts, new.packed
    return (
        packed.head,
        facts.preview_request,
        facts.preview_response,
        skipped,
        stack,
        packed.body,
    )


def _delete_feedback(transaction: Transaction, organization_id: str, completion_id: str) -> None:
    """Forget that feedback was about the completion; feedback about nothing else goes with it."""
    values = {"organization_id": organization_id, "id": completion_id}
    rows = transaction.execute("feedback_of_completion", values).fetchall()
    transaction.execute("delete_matches_of_completion", values)
    for row in rows:
        about = {"organization_id": organization_id, "id": row["feedback_id"]}
        transaction.execute("delete_feedback_about_nothing", about)
