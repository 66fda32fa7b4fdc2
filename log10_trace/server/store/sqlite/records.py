"""A record in the database: put there, merged, taken away everywhere it is. Inside a transaction."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from log10_trace.server.incoming import Incoming, merge, reread
from log10_trace.server.store import bodies, deletions, positions, said
from log10_trace.server.store.answers import Change, Outcome, Stored
from log10_trace.server.store.counted import Counted, as_counted, write_charges
from log10_trace.server.store.created_at import with_created_at
from log10_trace.server.store.facts import Facts, facts
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.unindexed import Words

CLEANSE = "cleanse"
"""The chore of taking deleted words out of the text index."""

# Tells apart what began in one millisecond.
_arrivals = itertools.count(random.getrandbits(8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record and all that follows from it alone; made on the caller's thread, to keep the writer's free."""

    incoming: Incoming
    words: said.Words
    facts: Facts
    packed: bodies.Packed

    @property
    def size(self) -> int:
        """About the bytes it keeps in memory."""
        return sum(map(len, self.incoming.fields.values()))


def draft(incoming: Incoming, *, now_ms: int) -> Draft:
    """Work a record out."""
    words = said.words(incoming.values)
    return Draft(
        incoming=incoming,
        words=words,
        facts=facts(incoming, words, now_ms=now_ms),
        packed=bodies.pack(incoming.fields),
    )


def put(transaction: Transaction, organization_id: str, new: Draft, *, replace_tags: bool) -> Outcome:
    """Create the record, or merge into the one with its id."""
    position = transaction.position_of(organization_id, str(new.incoming.id))
    if position is None and _is_repeat(transaction, organization_id, new):
        return _outcome(Change.DELETED, organization_id, new.incoming, new.facts.began_ms)
    if position is None:
        position = _insert(transaction, organization_id, new)
        return _outcome(Change.CREATED, organization_id, new.incoming, positions.began_ms(position))
    old = _load(transaction, position)
    merged = merge(old.draft.incoming, new.incoming, replace_tags=replace_tags)
    began_ms = positions.began_ms(old.position)
    if merged.fields == old.draft.incoming.fields:
        return _outcome(Change.UNCHANGED, organization_id, merged, began_ms)
    _replace(transaction, old, draft(merged, now_ms=began_ms))
    return _outcome(Change.MERGED, organization_id, merged, began_ms)


def _is_repeat(transaction: Transaction, organization_id: str, new: Draft) -> bool:
    """Whether the record, which is not there, was there and was deleted or pruned."""
    facts = new.facts
    remembered = transaction.deleted_content(organization_id, str(new.incoming.id))
    if deletions.is_repeat(new.incoming, facts, remembered):
        return True
    if facts.source is None or facts.sequence is None or facts.began_ms >= transaction.pruned_before_ms:
        return False
    return transaction.has_arrived(organization_id, facts.source, facts.sequence)


def delete(transaction: Transaction, position: int, *, is_pruned: bool = False) -> bool:
    """Take the record at ``position`` away from every table; False when there is none."""
    if transaction.first("load_at", {"position": position}) is None:
        return False
    old = _load(transaction, position)
    _withdraw(transaction, old)
    transaction.execute("delete_completion", {"position": position})
    transaction.execute("delete_body", {"position": position})
    transaction.executemany(
        "delete_tag", [(old.organization_id, tag, position) for tag in old.draft.facts.tags]
    )
    _delete_feedback(transaction, old.organization_id, str(old.draft.incoming.id))
    transaction.release_position(old.organization_id, str(old.draft.incoming.id))
    _remember(transaction, old, is_pruned=is_pruned)
    transaction.execute("put_chore", (CLEANSE,))
    return True


def _remember(transaction: Transaction, old: _Kept, *, is_pruned: bool) -> None:
    incoming = old.draft.incoming
    if is_pruned:
        transaction.note_pruned(positions.began_ms(old.position) + 1)
        if deletions.has_sequence(old.draft.facts):
            return
    content = deletions.hash_content(incoming)
    transaction.remember_deleted(old.organization_id, str(incoming.id), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A record as the database holds it, worked out again."""

    position: int
    organization_id: str
    draft: Draft
    skipped: int
    stack: int | None


def _load(transaction: Transaction, position: int) -> _Kept:
    row = transaction.execute("load_at", {"position": position}).fetchone()
    fields = bodies.unpack(bodies.Packed(row["head"], row["body"], row["stack"]))
    incoming = reread(row["id"], row["organization_id"], fields)
    kept = draft(incoming, now_ms=positions.began_ms(position))
    counted = Counted(*(row[name] for name in Counted._fields))
    known = as_counted(kept.facts, counted, incoming.values.get("response"))
    return _Kept(
        position=position,
        organization_id=row["organization_id"],
        draft=replace(kept, facts=known),
        skipped=row["skipped"],
        stack=row["stack_number"],
    )


def _insert(transaction: Transaction, organization_id: str, new: Draft) -> int:
    """Enter the record; its position."""
    completion_id = str(new.incoming.id)
    position = transaction.take_position(organization_id, completion_id, new.facts.began_ms, next(_arrivals))
    row = (*_row_values(new), position, organization_id, completion_id)
    transaction.later("insert_completion", [row])
    skipped = transaction.novelty.skipped(organization_id, new.facts.session_id, new.words)
    stack = _stack(transaction, organization_id, new)
    transaction.later("insert_body", [(*_body_values(new, skipped, stack), position)])
    transaction.later("insert_tag", [(organization_id, tag, position) for tag in new.facts.tags])
    _announce(transaction, organization_id, position, new, skipped)
    return position


def _replace(transaction: Transaction, old: _Kept, new: Draft) -> None:
    _withdraw(transaction, old)
    transaction.execute("update_completion", (*_row_values(new), old.position))
    stack = _stack(transaction, old.organization_id, new)
    transaction.execute("update_body", (*_body_values(new, old.skipped, stack), old.position))
    before, after = set(old.draft.facts.tags), set(new.facts.tags)
    place = old.organization_id, old.position
    transaction.executemany("delete_tag", [(place[0], tag, place[1]) for tag in before - after])
    transaction.executemany("insert_tag", [(place[0], tag, place[1]) for tag in after - before])
    _announce(transaction, old.organization_id, old.position, new, old.skipped)


def _announce(
    transaction: Transaction, organization_id: str, position: int, new: Draft, skipped: int
) -> None:
    """Enter the record in what is derived from records: text index, roll-ups, sequences."""
    transaction.index(position, _words(organization_id, new, skipped))
    transaction.count(organization_id, _placed(new.facts, position))
    if new.facts.source and new.facts.sequence:
        transaction.arrived(organization_id, new.facts.source, new.facts.sequence)


def _withdraw(transaction: Transaction, old: _Kept) -> None:
    """Take the record out of text index and roll-ups, and its stack's use back."""
    transaction.forget_words(old.position, _words(old.organization_id, old.draft, old.skipped))
    transaction.count(old.organization_id, _placed(old.draft.facts, old.position), -1)
    if old.stack is not None:
        transaction.use_stack(old.stack, -1)


def _placed(known: Facts, position: int) -> Facts:
    """A record keeps its place for good, so it is counted when that says it began, whatever came later."""
    began_ms = positions.began_ms(position)
    return known if known.began_ms == began_ms else replace(known, began_ms=began_ms)


def words_at(transaction: Transaction, position: int) -> Words:
    """What the text index is told of the record at ``position``."""
    kept = _load(transaction, position)
    return _words(kept.organization_id, kept.draft, kept.skipped)


def _words(organization_id: str, new: Draft, skipped: int) -> Words:
    return Words(organization_word(organization_id), new.words.searched(skipped))


@lru_cache
def organization_word(organization_id: str) -> str:
    """The one word that stands for an organization in the text index."""
    return "o" + blake2b(organization_id.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _stack(transaction: Transaction, organization_id: str, new: Draft) -> int | None:
    """The number of the record's stack, kept once for all records that share it."""
    if new.packed.stack is None:
        return None
    digest = blake2b(new.incoming.fields["stacktrace"].encode(), digest_size=16).digest()
    number = transaction.stacks.get((organization_id, digest))
    if number is None:
        values = {"organization_id": organization_id, "digest": digest, "body": new.packed.stack}
        row = transaction.at_once("find_stack", values).fetchone()
        row = row or transaction.at_once("insert_stack", values).fetchone()
        number = transaction.stacks[organization_id, digest] = int(row["number"])
    transaction.use_stack(number, 1)
    return number


def _row_values(new: Draft) -> tuple[Any, ...]:
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
    )


def _body_values(new: Draft, skipped: int, stack: int | None) -> tuple[Any, ...]:
    facts, packed = new.facts, new.packed
    return (
        packed.head,
        facts.preview_request,
        facts.preview_response,
        skipped,
        stack,
        packed.body,
        write_charges(facts.charges),
    )


def _delete_feedback(transaction: Transaction, organization_id: str, completion_id: str) -> None:
    """Forget that feedback was about the completion; feedback about nothing else goes with it."""
    values = {"organization_id": organization_id, "id": completion_id}
    rows = transaction.execute("feedback_of_completion", values).fetchall()
    transaction.execute("delete_matches_of_completion", values)
    for row in rows:
        about = {"organization_id": organization_id, "id": row["feedback_id"]}
        transaction.execute("delete_feedback_about_nothing", about)


def _outcome(change: Change, organization_id: str, incoming: Incoming, began_ms: int) -> Outcome:
    fields = with_created_at(incoming.fields, began_ms)
    stored = Stored(organization_id=organization_id, id=str(incoming.id), fields=fields)
    return Outcome(change=change, stored=stored)
