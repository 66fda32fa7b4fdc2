"""Translates errors of ClickHouse and of its driver to those of the store. Pure."""

from __future__ import annotations

from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from log10_trace.server.store.clickhouse.address import ClickHouseAddress
from log10_trace.server.store.errors import StoreBusyError, StoreError, StoreFullError, UnstorableError
from log10_trace.server.store.protocol import READ_TIMEOUT_S

TIMED_OUT: Final = 159
REPLICA_AWAY: Final = 341
"""The statement is kept for a replica that is away; the others have done it."""
PASSING: Final = frozenset((286, 289))
"""Of a replica that lacks an insert which is under way: they end when it has it, or when it is given up."""
_NO_SPACE: Final = frozenset((243, 1001))
"""1001 is an error of the operating system, such as a full disk."""
_UNSTORABLE: Final = frozenset((128, 131, 321))
_NO_KEEPER: Final = (
    "ClickHouse has lost its Keeper, without which a cluster takes no writes; try again in a moment."
)
_BUSY: Final = {
    TIMED_OUT: f"The query timed out after {READ_TIMEOUT_S} s; narrow it.",
    160: f"The query would take more than {READ_TIMEOUT_S} s; narrow it.",
    241: "ClickHouse has not enough memory for this query; narrow it.",
    202: "ClickHouse answers as many queries as it takes; try again in a moment.",
    252: "ClickHouse merges more slowly than records come; try again in a moment.",
    242: "The replica of ClickHouse takes no writes now; try again in a moment.",
    285: "Too few replicas of ClickHouse are there to keep a write; try again when they are back.",
    286: "A write before this one has not reached enough replicas of ClickHouse yet; try again in a moment.",
    289: "The replica of ClickHouse lacks the last writes; try again in a moment.",
    279: "A shard of ClickHouse has no replica that answers; the store goes on as soon as one does.",
    210: "A host of the ClickHouse cluster does not answer; the store goes on as soon as it does.",
    209: "A host of the ClickHouse cluster does not answer; the store goes on as soon as it does.",
    225: _NO_KEEPER,
    999: _NO_KEEPER,
    REPLICA_AWAY: "A replica of ClickHouse is away: it deletes when it is back, the others have done so.",
    319: "ClickHouse does not know whether the write was kept on enough replicas; it is sent again.",
}
_NOT_OPENED: Final = {
    81: "The ClickHouse server at {place} has no database {database}. Make it: CREATE DATABASE {database}.",
    192: "The ClickHouse server at {place} refuses the user or the password of the address.",
    193: "The ClickHouse server at {place} refuses the user or the password of the address.",
    194: "The ClickHouse server at {place} refuses the user or the password of the address.",
    516: "The ClickHouse server at {place} refuses the user or the password of the address.",
    497: "The user of the address may not do what is needed in the database {database} at {place}: CREATE,"
    " ALTER, INSERT, SELECT, DROP and system.parts. GRANT ALL ON {database}.* gives it; a cluster also takes"
    " GRANT CLUSTER, REMOTE ON *.*.",
    TIMED_OUT: "A host of the cluster of {place} does not answer, so its tables are not made: every host must"
    " be there when the schema changes.",
}


def code_of(error: Exception) -> int | None:
    """The number of ClickHouse's error; None of one that came from elsewhere."""
    return error.code if isinstance(error, Error) else None


def is_connection_lost(error: Exception) -> bool:
    """Whether nothing answered, so that the next attempt may succeed."""
    return isinstance(error, ClickHouseError) and code_of(error) is None


def translate_error(error: Exception) -> StoreError:
    """The store's error for one of ClickHouse's."""
    code = code_of(error)
    if code is None:
        return StoreBusyError("ClickHouse does not answer; the store goes on as soon as it does.")
    if code in _NO_SPACE and (code != max(_NO_SPACE) or "space" in str(error)):
        return StoreFullError()
    if code in _UNSTORABLE:
        return UnstorableError()
    if message := _BUSY.get(code):
        return StoreBusyError(message)
    return StoreError(f"ClickHouse refused it (code {code}).")


def explain_refusal(error: Exception, address: ClickHouseAddress) -> str:
    """Why the database cannot be opened, as a sentence for the person who starts the server."""
    place = address.place
    code = code_of(error)
    if address.is_embedded:
        reason = str(error).partition("\n")[0]
        return f"The folder {address.folder} cannot be used by the engine of ClickHouse: {reason}."
    if code is None:
        return f"No ClickHouse server answers at {place}: {_reason(error)}."
    message = _NOT_OPENED.get(code, "The ClickHouse server at {place} refused it (code {code}).")
    return message.format(place=place, database=address.database, code=code)


def _reason(error: Exception) -> str:
    """What the network said, which is the innermost cause; the driver's own text may repeat the address."""
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    return "the connection failed" if cause is error else type(cause).__name__
