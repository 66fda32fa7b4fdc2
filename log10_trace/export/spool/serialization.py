"""Serialization of spool entries and dead letters to the records that are sent."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from log10_trace.domain.call_labels import FAILED, PROCESS_DIED
from log10_trace.domain.ids import new_id
from log10_trace.export.spool.dead_letters import DeadLetter
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.segment_format import COMPLETED, RECORD, STARTED, Entry
from log10_trace.guard import guard
from log10_trace.record.call import Call
from log10_trace.record.call_codec import decode
from log10_trace.record.completion import to_json, to_pieces

# Made once: every record passes here.
_READING: Final = guard("reading a record back")
_REASON: Final = "the process ended before the call did"


def serialize_entry(entry: Entry, source: str) -> OutboundRecord:
    """The record that stands in an entry, as it goes over the wire.

    An entry that cannot be read becomes a record without ``pieces``.
    """
    try:
        call = decode(entry.payload)
        # The payload was encoded before the record had them; the sequence stands in the entry's head.
        call.source = source
        call.sequence = entry.sequence or None
        return OutboundRecord(call.id, to_pieces(call), entry.kind != RECORD)
    except Exception as error:  # noqa: BLE001 -- the guard keeps it
        _READING.keep(error)
    # The id cannot be read: a new one names the dead letter.
    return OutboundRecord(new_id(), ())


def dump_unreadable(entry: Entry) -> bytes:
    """What is kept of an entry that nothing could be made of, as JSON."""
    return json.dumps({"entry": base64.b64encode(entry.payload).decode()}).encode()


def serialize_dead_letter(letter: DeadLetter) -> OutboundRecord:
    """A dead letter as it goes over the wire; an entry that was unreadable is read anew by this version."""
    payload = _unreadable_payload(letter.completion)
    if payload is not None:
        kind = COMPLETED if letter.sequence else STARTED
        entry = Entry(kind, letter.sequence, payload, 0, len(payload))
        made = (
            serialize_entry(entry, letter.source)
            if letter.sequence
            else serialize_as_process_died(entry, letter.source)
        )
        if made.pieces:
            return made
    return OutboundRecord(letter.id, (letter.completion,), update=True)


def _unreadable_payload(completion: bytes) -> bytes | None:
    """The payload that ``dump_unreadable`` has kept; None when this is an ordinary record."""
    try:
        record = json.loads(completion)
        return base64.b64decode(record["entry"], validate=True) if record.keys() == {"entry"} else None
    except (ValueError, TypeError, AttributeError):
        return None


def call_id(entry: Entry) -> str | None:
    """The id of the call whose record stands in an entry."""
    with _READING:
        return decode(entry.payload).id
    return None


def serialize_as_process_died(entry: Entry, source: str) -> OutboundRecord:
    """The last word on a call whose process died before it ended."""
    with guard("closing a call of a dead process"):
        call = decode(entry.payload)
        call.source = source
        return OutboundRecord(call.id, (_to_failed_json(call),), update=True)
    return OutboundRecord(new_id(), ())


def _to_failed_json(call: Call) -> bytes:
    if call.body_json is None:
        call.status, call.failure_kind, call.failure_reason = FAILED, PROCESS_DIED, _REASON
        return to_json(call)
    # Redacted when it began: the bytes of the call are not there any more.
    record: dict[str, Any] = json.loads(call.body_json)
    record |= {"status": FAILED, "failure_kind": PROCESS_DIED, "failure_reason": _REASON}
    return json.dumps(record).encode()
