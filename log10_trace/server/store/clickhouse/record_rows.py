"""What ClickHouse holds of a record: its deliveries, and the row that says how it stands after them. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from log10_trace.domain.completion_record import CompletionRecord, from_stored_fields, merge
from log10_trace.domain.text_extraction import CompletionText, extract_text, sanitize
from log10_trace.server.store.clickhouse.text_search import index_words
from log10_trace.server.store.common.aggregates import list_buckets
from log10_trace.server.store.common.columns import CompletionColumns, extract_columns
from log10_trace.server.store.common.deletions import has_sequence
from log10_trace.server.store.common.record_codec import RecordTexts, lay_out, read_call_site, read_texts
from log10_trace.server.store.common.sort_keys import SortKeyFormat
from log10_trace.server.store.data_types import DELETED, CallSite
from log10_trace.server.store.errors import UnstorableError

Key = tuple[str, str]
"""Organization and id."""
_NO_STACK: Final = ""
SORT_KEYS: Final = SortKeyFormat(tie_bits=20)
"""A record's place in lists. Two servers may give one to two records; lists tell those apart by their ids."""
_MORE_THAN_ANY: Final = 2**32 - 1
"""Deliveries: the row of a record that counts most of them stands."""
SLOTS: Final = 1024
"""The sessions of an organization are dealt to so many slots, and the slots to the shards of a cluster."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A record as it came once."""

    version: int
    """Deliveries of a record are merged in the order of their versions."""
    place: int
    """The sort key at which the record stands in lists: the first delivery says so."""
    skipped: int
    """Messages at the beginning that the text index has from an earlier call."""
    replaces_tags: bool
    texts: RecordTexts

    def fields(self) -> dict[str, str]:
        """Its fields."""
        return read_texts(self.texts)


@dataclass(frozen=True, slots=True)
class DerivedRecord:
    """A record, its texts, its words and its columns."""

    incoming: CompletionRecord
    texts: RecordTexts
    words: CompletionText
    facts: CompletionColumns


@dataclass(frozen=True, slots=True)
class MergedRecord:
    """A record as it stands after some deliveries."""

    key: Key
    deliveries: tuple[Delivery, ...]
    incoming: CompletionRecord

    @property
    def place(self) -> int:
        """The sort key at which it stands in lists."""
        return self.deliveries[0].place

    @property
    def began_ms(self) -> int:
        """The millisecond at which it stands in lists."""
        return SORT_KEYS.began_ms(self.place)

    @property
    def skipped(self) -> int:
        """Messages at the beginning that the text index has from an earlier call."""
        return self.deliveries[0].skipped

    @property
    def versions(self) -> frozenset[int]:
        """Those of its deliveries."""
        return frozenset(one.version for one in self.deliveries)

    def derive(self) -> DerivedRecord:
        """Its words and columns; a record keeps its place for good, whatever came later."""
        return derive(self.incoming, self.began_ms, self.began_ms)


def put_in_slot(place: int, key: Key, known: DerivedRecord) -> int:
    """The place of a record in a cluster: the low bits are the slot of its session, or of its id without one.

    The first delivery decides, as about the place itself, so that a record stays on its shard.
    """
    began_ms, number = divmod(place, SORT_KEYS.per_millisecond)
    slot = zlib.crc32(f"{key[0]}\0{known.facts.session_id or key[1]}".encode("utf-8", "replace")) % SLOTS
    return SORT_KEYS.make(began_ms, number * SLOTS + slot)


def derive(incoming: CompletionRecord, now_ms: int, began_ms: int | None = None) -> DerivedRecord:
    """Work out what follows from a record alone, and from where it stands if that is known."""
    words = extract_text(incoming.values)
    facts = extract_columns(incoming, words, now_ms=now_ms, began_ms=began_ms)
    return DerivedRecord(incoming, lay_out(incoming.fields), words, facts)


def merge_deliveries(key: Key, deliveries: Sequence[Delivery]) -> MergedRecord:
    """The record that deliveries amount to, in the order of their versions."""
    ordered = tuple(sorted(deliveries, key=lambda one: one.version))
    merged, *later = (from_stored_fields(key[1], key[0], one.fields()) for one in ordered)
    for one, incoming in zip(ordered[1:], later, strict=True):
        merged = merge(merged, incoming, replace_tags=one.replaces_tags)
    return MergedRecord(key, ordered, merged)


def merged_fields(deliveries: Sequence[Delivery]) -> dict[str, str]:
    """The fields of a record, in the order in which every store gives them; ``created_at`` is among them."""
    return read_texts(merged_texts(deliveries), SORT_KEYS.began_ms(deliveries[0].place))


def merged_texts(deliveries: Sequence[Delivery]) -> RecordTexts:
    """The texts of a record as it is kept."""
    if len(deliveries) == 1:  # as nearly always, and nothing of it is parsed
        return deliveries[0].texts
    return lay_out(merge_deliveries(("", ""), deliveries).incoming.fields)


def delivery_row(key: Key, one: Delivery, facts: CompletionColumns) -> tuple[Any, ...]:
    """The row of a delivery."""
    sequence = facts.sequence if has_sequence(facts) else None
    return (
        *key,
        one.version,
        one.place,
        one.skipped,
        one.replaces_tags,
        _text(facts.source) or "",
        sequence or 0,
        one.texts.head,
        one.texts.body,
        one.texts.stack or _NO_STACK,
    )


def read_delivery(row: Sequence[Any]) -> Delivery:
    """The delivery of a row: version, place, skipped, replaces tags, head, body, stack."""
    version, place, skipped, replaces_tags, head, body, stack = row
    return Delivery(version, place, skipped, replaces_tags, RecordTexts(head, body, stack or None))


def completion_row(merged: MergedRecord, known: DerivedRecord, server: str) -> tuple[Any, ...]:
    """The row of a record; ``server`` is who changed it, or empty where it stays as it was.

    Raises:
        UnstorableError: a column has no text where it must.
    """
    facts, texts = known.facts, known.texts
    charges = facts.charges
    return (
        merged.key[0],
        merged.place,
        merged.key[1],
        len(merged.deliveries),
        0,
        server,
        _text(facts.status),
        _text(facts.kind),
        _text(facts.model),
        _text(facts.session_id),
        _text(facts.failure_kind),
        _text(facts.file),
        _text(facts.function),
        _write_call_site(read_call_site(texts.stack)),
        facts.duration,
        facts.input_tokens,
        facts.output_tokens,
        facts.tokens,
        list(map(sanitize, facts.tags)),
        [sanitize(pair.text) for pair in facts.metadata],
        [sanitize(charge[0]) for charge in charges],
        [charge[1] for charge in charges],
        [charge[2] for charge in charges],
        [charge[3] for charge in charges],
        list_buckets(facts),
        facts.prompt_digest,
        _text(facts.trace_id),
        has_sequence(facts),
        merged.skipped,
        facts.preview_request,
        facts.preview_response,
        facts.preview_tool,
        texts.head,
        index_words(known.words.searchable_request(merged.skipped)),
        index_words(known.words.searchable_response()),
    )


_GONE: Final[tuple[Any, ...]] = (
    *(None,) * 5, "", *(None,) * 4, *([],) * 7, None, None, False, 0, "", "", None, "", "", "",
)  # fmt: skip


def gone_row(key: Key, place: int, deliveries: int, status: str = "") -> tuple[Any, ...]:
    """The row that says that a record does not stand at this place."""
    return (key[0], place, key[1], deliveries, 1, "", status, None, *_GONE)


def deletion_row(key: Key, place: int) -> tuple[Any, ...]:
    """The row that says that a record of this place is deleted, whatever comes of it."""
    return gone_row(key, place, _MORE_THAN_ANY, DELETED)


@lru_cache(maxsize=256)
def _write_call_site(site: CallSite | None) -> str:
    return "" if site is None else json.dumps(site, separators=(",", ":"))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnstorableError
    return sanitize(value)
