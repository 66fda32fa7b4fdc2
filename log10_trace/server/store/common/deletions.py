"""What a store remembers of deleted records, so that a repeated delivery does not bring one back. Pure.

A sender whose acknowledgement was lost keeps a record in its spool and sends it again, perhaps weeks later.

* Of a deleted record a store keeps hashes of id and content for ``DAYS_REMEMBERED``. A record of that id with
  a source and a sequence is a repeat. Without them it comes from no spool: it is a repeat when its content is
  the same, or when the deleted record was not concluded, and otherwise a new record.
* Of a pruned record with a source and a sequence it keeps nothing more: a record that began before the latest
  pruning, and whose sequence has arrived, is a repeat.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import blake2b
from typing import Final

from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.server.store.common.columns import CompletionColumns

DAYS_REMEMBERED: Final = 400
ANY_CONTENT: Final = ""


def hash_id(organization_id: str, completion_id: str) -> str:
    """What a deleted record is remembered by."""
    return _hash(f"{len(organization_id)}:{organization_id}{completion_id}")


def hash_content(incoming: CompletionRecord) -> str:
    """What tells a repeat from a new record; ``ANY_CONTENT`` for a record that was not concluded."""
    if incoming.status == STARTED:
        return ANY_CONTENT
    # The server sets created_at where it is missing, each time anew.
    fields = sorted(item for item in incoming.fields.items() if item[0] != "created_at")
    return _hash(repr(fields))


def has_sequence(facts: CompletionColumns) -> bool:
    """Whether the record says from which process it comes, and its number there."""
    return facts.source is not None and facts.sequence is not None


def is_repeat(incoming: CompletionRecord, facts: CompletionColumns, remembered: str | None) -> bool:
    """Whether the record is a repeat of a deleted one, of which this content hash is remembered, if any."""
    if remembered is None:
        return False
    return has_sequence(facts) or remembered in (ANY_CONTENT, hash_content(incoming))


def _hash(text: str) -> str:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return b64encode(digest)[:22].decode()
