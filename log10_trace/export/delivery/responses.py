"""What the replies of a completions API mean for each record that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Final

from pydantic_core import from_json

from log10_trace.export.delivery.retry import Disposition, disposition_of, retry_after
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.unpatched import time

_OK: Final = 200
_CREATED: Final = 201
_MULTI_STATUS: Final = 207
_BAD_REQUEST: Final = 400
"""Said to all alike it is about what came of them on the way: what we send is JSON."""
_REFUSAL: Final = ("code", "message", "field")


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What the server said to one record."""

    disposition: Disposition
    status: int = 0
    code: str = ""
    message: str = ""
    cause: Exception | None = field(default=None, compare=False, repr=False)
    """What went wrong where no answer came."""
    connected: bool = True
    """Whether there was a connection: without one, the failure has nothing to do with the record."""


_STORED: Final = {status: RecordResult(disposition_of(status), status) for status in (_OK, _CREATED)}
_CREATED_BEGIN: Final = '{"results":[{"id":"'
_CREATED_BETWEEN: Final = f'","status":{_CREATED}}},{{"id":"'
_CREATED_END: Final = f'","status":{_CREATED}}}]}}'
_id_of = itemgetter("id")
_status_in = itemgetter("status")


@dataclass(frozen=True, slots=True)
class SendResult:
    """The answers to one attempt, one for each record in order, and the pause the server asked for."""

    answers: list[RecordResult]
    retry_after: float = 0.0
    is_single: bool = False
    """Whether each of the records had a request of its own."""


def list_distinct(answers: Sequence[RecordResult]) -> list[RecordResult]:
    """Each answer once, in order: those of a batch are mostly one object."""
    return list({id(answer): answer for answer in answers}.values())


def parse_batch_results(reply: HttpReply, ids: Sequence[str]) -> list[RecordResult] | None:
    """What the reply to a batch says to each of the records; None when it is not the answer to a batch."""
    stored = _read_stored(reply.body, ids) if reply.status == _OK else None
    if stored is not None:
        return stored
    payload = reply.json() if reply.status in (_OK, _MULTI_STATUS) else None
    results = payload.get("results") if isinstance(payload, dict) else None
    if not isinstance(results, list) or not _names_any(results, ids):
        return None
    by_id = {result.get("id"): result for result in results if _is_labelled(result)}
    # By place before id: the start and the end of one call may be in one batch, with one id.
    in_order = results if len(results) == len(ids) else [None] * len(ids)
    answers = [
        _result_from_item(in_place if _is_about(in_place, record_id) else by_id.get(record_id))
        for record_id, in_place in zip(ids, in_order, strict=True)
    ]
    # While others of the batch are taken, a 400 is the record's own.
    if any(answer.disposition is Disposition.DONE for answer in answers):
        return answers
    return [
        replace(each, disposition=Disposition.DENIED) if each.status == _BAD_REQUEST else each
        for each in answers
    ]


def _read_stored(body: bytes, ids: Sequence[str]) -> list[RecordResult] | None:
    """The answers where every record was stored and nothing else is said of any; None otherwise.

    So nearly all batches are answered, and with the answers made anew a record would take ten times as long.
    """
    try:
        # As our server spells it where all records are new: compared as text, at a sixtieth of a parse.
        if body == (_CREATED_BEGIN + _CREATED_BETWEEN.join(ids) + _CREATED_END).encode():
            return [_STORED[_CREATED]] * len(ids)
        results = from_json(body)["results"]
        # Column by column: a loop over the results takes three times as long.
        is_plain = set(map(len, results)) == {2} and list(map(_id_of, results)) == list(ids)
        statuses = list(map(_status_in, results))
        if not is_plain or set(map(type, statuses)) != {int}:
            return None
        return list(map(_STORED.__getitem__, statuses))
    except (ValueError, TypeError, LookupError):
        return None


def result_for_record(reply: HttpReply, record: OutboundRecord) -> RecordResult:
    """What a reply says to the one record that was posted: it has it only if it names its id."""
    payload = reply.json()
    # A mirror says 200 to anything; that something was made is said by an API, even in the words it was sent.
    is_echo = reply.status != _CREATED and reply.body.strip() == record.body.strip()
    names_it = isinstance(payload, dict) and payload.get("id") == record.id and not is_echo
    return _record_result(reply.status, payload, names_it=names_it)


def result_for_batch(reply: HttpReply) -> RecordResult:
    """What a reply without results says to all the records of a batch."""
    return _record_result(reply.status, reply.json(), names_it=False)


def _record_result(status: int, payload: Any, *, names_it: bool) -> RecordResult:
    """A 2xx that names no record, and a refusal in words that are not the API's, come from something else."""
    meaning = disposition_of(status)
    is_of_other = (meaning is Disposition.DONE and not names_it) or (
        meaning is Disposition.REJECTED and (status == _BAD_REQUEST or not _is_refusal(payload))
    )
    payload = payload if isinstance(payload, dict) else {}
    return RecordResult(
        Disposition.DENIED if is_of_other else meaning,
        status,
        str(payload.get("code", "")),
        _message(payload),
    )


def _is_refusal(payload: Any) -> bool:
    """Whether a body is what our API says when it refuses a record: it names the field at fault."""
    return isinstance(payload, dict) and all(isinstance(payload.get(name), str) for name in _REFUSAL)


def _names_any(results: list[Any], ids: Sequence[str]) -> bool:
    """Whether results are those of this batch: without any record there is nothing to name."""
    in_order = results if len(results) == len(ids) else []
    is_named = any(_is_about(result, record_id) for result, record_id in zip(in_order, ids, strict=False))
    return not ids or is_named or any(_is_labelled(other) and other["id"] in ids for other in results)


def _is_labelled(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("id"), str)


def _is_about(result: Any, record_id: str) -> bool:
    """Whether the result at a record's own place is its; one that could not be read is refused without id."""
    if not isinstance(result, dict):
        return False
    is_refusal = _status_of(result) >= 400  # noqa: PLR2004 -- HTTP's own classes
    return result.get("id") == record_id or (result.get("id") is None and is_refusal)


def _status_of(result: Any) -> int:
    """The HTTP status in a result; 0 without one."""
    status = result.get("status") if isinstance(result, dict) else None
    return status if isinstance(status, int) and not isinstance(status, bool) else 0


def _result_from_item(result: Any) -> RecordResult:
    """What a batch's result says to its record; a record without a result is sent again."""
    status = _status_of(result)
    if not status:
        return RecordResult(Disposition.RETRY, message="it is not named in the response")
    return RecordResult(disposition_of(status), status, str(result.get("code", "")), _message(result))


def _message(payload: dict[str, Any]) -> str:
    field = f"{payload['field']}: " if payload.get("field") else ""
    return f"{field}{payload.get('message', '')}"[:1000]


def retry_after_of(reply: HttpReply) -> float:
    """The seconds for which the server asks to be left alone."""
    return retry_after(reply.headers.get("retry-after"), time.time())
