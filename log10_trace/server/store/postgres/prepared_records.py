"""Prepares the rows of a group of writes: merges incoming writes with stored rows. Pure."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from log10_trace.domain.completion_record import CompletionRecord, from_stored_fields
from log10_trace.domain.text_extraction import CompletionText, extract_text
from log10_trace.server.store.common import deletions
from log10_trace.server.store.common.columns import CompletionColumns, extract_columns
from log10_trace.server.store.common.counted import Counted, restore_counted, write_counted
from log10_trace.server.store.common.record_codec import EncodedRecord, decode, encode
from log10_trace.server.store.common.record_writes import (
    apply_write,
    build_write_result,
    ends_call,
    memory_size,
)
from log10_trace.server.store.common.seen_messages import SeenMessages
from log10_trace.server.store.data_types import WriteEffect, WriteResult
from log10_trace.server.store.postgres.index_keys import truncate_keys
from log10_trace.server.store.postgres.partitioning import SORT_KEYS

_HASH_BYTES: Final = 16
# Tells calls of one millisecond apart. Servers begin anywhere, so that two rarely say the same.
_arrivals = itertools.count(random.getrandbits(20))

Key = tuple[str, str]
"""Organization and id."""


class WriteRequest(NamedTuple):
    """A record as it came, and whether its tags are to replace those that stand."""

    organization_id: str
    incoming: CompletionRecord
    replace_tags: bool = False
    place: int | None = None
    """Where it is to stand in lists if it is new, as it stood in another database; None: where it says."""
    packed: EncodedRecord | None = None
    """Its fields, where they are encoded already."""

    @property
    def key(self) -> Key:
        """Which record it is about."""
        return self.organization_id, self.incoming.id or ""

    def arrived_ms(self, now_ms: int) -> int:
        """When it arrived; a copy of another database's record, when its call began."""
        return now_ms if self.place is None else SORT_KEYS.began_ms(self.place)

    def size(self) -> int:
        """About the bytes it keeps in memory."""
        return memory_size(self.incoming)


class CompletionRow(NamedTuple):
    """A row of the table ``completions``."""

    organization_id: str
    id: str
    placed_ms: int
    place: int
    status: str
    kind: str | None
    model: str | None
    session_id: str | None
    failure_kind: str | None
    file: str | None
    function: str | None
    duration: float | None
    input_tokens: int | None
    output_tokens: int | None
    tokens: int | None
    preview_request: str
    preview_response: str
    skipped: int
    head: str
    stack: bytes | None
    body: bytes
    charges: str
    preview_tool: str | None
    prompt_digest: str | None
    trace_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as it stands in the database."""

    place: int
    incoming: CompletionRecord
    facts: CompletionColumns
    words: CompletionText
    skipped: int
    """Messages at the beginning that the text index has from an earlier call."""

    @property
    def searched(self) -> tuple[str, str]:
        """What the text index is to know of its request and its response."""
        return self.words.searchable_request(self.skipped), self.words.searchable_response()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRecord:
    """A record as it is to stand, what stood before, and what each write is answered."""

    key: Key
    placed_ms: int
    before: StoredRecord | None
    after: StoredRecord
    packed: EncodedRecord
    writes: Sequence[CompletionRecord]
    """What came, in order."""
    outcomes: Sequence[WriteResult]
    """Of each write, those before them that were refused included."""
    is_copy: bool = False
    """Whether it comes from another database, so that pruning does not keep it out."""

    @property
    def stack_hash(self) -> bytes | None:
        """What its call stack is found by."""
        return stack_hash(self.after.incoming.fields.get("stacktrace"))

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return any(
            outcome.change not in (WriteEffect.UNCHANGED, WriteEffect.DELETED) for outcome in self.outcomes
        )

    def count_repeats(self, content: str) -> int:
        """How many writes, from the first, repeat a deleted record of which ``content`` is remembered."""

        def is_repeat(incoming: CompletionRecord) -> bool:
            facts = build_record(self.after.place, 0, incoming).facts
            return deletions.is_repeat(incoming, facts, content)

        return sum(1 for _ in itertools.takewhile(is_repeat, self.writes))

    def mark_as_repeats(self, number: int) -> PreparedRecord:
        """The same, of which so many writes repeat a record that was deleted before: nothing is to stand."""
        outcomes = [
            replace(outcome, change=WriteEffect.DELETED, has_ended_call=False)
            for outcome in self.outcomes[:number]
        ]
        return replace(self, outcomes=outcomes)

    def to_row(self) -> CompletionRow:
        """Its row."""
        known = self.after.facts
        return CompletionRow(
            organization_id=self.key[0],
            id=self.key[1],
            placed_ms=self.placed_ms,
            place=self.after.place,
            status=known.status,
            kind=known.kind,
            model=known.model,
            session_id=known.session_id,
            failure_kind=known.failure_kind,
            file=known.file,
            function=known.function,
            duration=known.duration,
            input_tokens=known.input_tokens,
            output_tokens=known.output_tokens,
            tokens=known.tokens,
            preview_request=known.preview_request,
            preview_response=known.preview_response,
            skipped=self.after.skipped,
            head=self.packed.head,
            stack=self.stack_hash,
            body=self.packed.body,
            charges=write_counted(known),
            preview_tool=known.preview_tool,
            prompt_digest=known.prompt_digest,
            trace_id=known.trace_id,
        )


def stack_hash(text: str | None) -> bytes | None:
    """What a call stack of this JSON text is found by."""
    return None if text is None else hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).digest()


def prepare(
    key: Key,
    placed_ms: int,
    puts: Sequence[WriteRequest],
    before: StoredRecord | None,
    *,
    now_ms: int,
    seen_messages: SeenMessages,
) -> PreparedRecord:
    """Lay the writes of one record on each other, in order, over what stands."""
    stands = before.incoming if before else None
    laid = []
    for put in puts:
        stood = stands
        effect, stands = apply_write(stood, put.incoming, replace_tags=put.replace_tags)
        laid.append((effect, stands.fields, ends_call(stood, stands)))
    assert stands is not None  # noqa: S101 -- there is a write for every draft
    after = (
        _create_record(key[0], stands, now_ms, seen_messages, puts[0].place)
        if before is None
        else _update_record(before, stands)
    )
    return PreparedRecord(
        key=key,
        placed_ms=placed_ms,
        before=before,
        after=after,
        packed=(stands is puts[0].incoming and puts[0].packed) or encode(stands.fields),
        is_copy=puts[0].place is not None,
        writes=[put.incoming for put in puts],
        outcomes=[
            build_write_result(
                effect, *key, fields, SORT_KEYS.began_ms(after.place), has_ended_call=has_ended_call
            )
            for effect, fields, has_ended_call in laid
        ],
    )


def _create_record(
    organization_id: str,
    incoming: CompletionRecord,
    now_ms: int,
    seen_messages: SeenMessages,
    place: int | None,
) -> StoredRecord:
    said = extract_text(incoming.values)
    began = None if place is None else SORT_KEYS.began_ms(place)
    known = truncate_keys(extract_columns(incoming, said, now_ms=now_ms, began_ms=began))
    return StoredRecord(
        place=SORT_KEYS.make(known.began_ms, next(_arrivals)) if place is None else place,
        incoming=incoming,
        facts=known,
        words=said,
        skipped=seen_messages.count_repeated(organization_id, known.session_id, said),
    )


def _update_record(before: StoredRecord, incoming: CompletionRecord) -> StoredRecord:
    return build_record(before.place, before.skipped, incoming)


def record_from_row(
    key: Key, place: int, skipped: int, packed: EncodedRecord, counted: Counted
) -> StoredRecord:
    """A record as it stands and was counted, from its row."""
    found = build_record(place, skipped, from_stored_fields(key[1], key[0], decode(packed)))
    return replace(found, facts=restore_counted(found.facts, counted, found.incoming.values.get("response")))


def build_record(place: int, skipped: int, incoming: CompletionRecord) -> StoredRecord:
    """A record that stands at a place, worked out by the rules of now."""
    # A record keeps its place for good, so when it began is what its place says, whatever came later.
    began, said = SORT_KEYS.began_ms(place), extract_text(incoming.values)
    known = truncate_keys(extract_columns(incoming, said, now_ms=began, began_ms=began))
    return StoredRecord(place=place, incoming=incoming, facts=known, words=said, skipped=skipped)
