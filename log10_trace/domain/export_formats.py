"""Export formats: from a record's JSON text to a line of the format. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from hashlib import blake2b
from typing import Any, Final

from log10_trace.domain.conversation import list_choices, read_message
from log10_trace.domain.json_slices import decode, split_members
from log10_trace.domain.message_text import message_text
from log10_trace.domain.training_example import UnsuitableError, training_example


class Format(str, Enum):
    """How calls are written."""

    JSONL = "jsonl"
    """The records as the server keeps them, byte for byte."""
    CSV = "csv"
    """A table for a spreadsheet, one call a row."""
    RAW = "raw"
    """What was sent to the provider and what came back, as it was."""
    CHAT = "chat"
    """The conversation with its answer, in the shape of chat messages."""
    OPENAI_FINETUNE = "openai-finetune"
    """Training examples for OpenAI's fine-tuning of chat models."""
    EVALS = "evals"
    """Items of a data source of OpenAI's evals API: what was asked and what was answered."""
    SQLITE = "sqlite"
    """A SQLite file of tables: calls, messages, tool calls, tags."""
    PARQUET = "parquet"
    """A Parquet file, one call a row."""


_RAWS: Final = ("raw_request", "raw_response", "raw_events")

RecordFormatter = Callable[[bytes], bytes]
"""Formats a record as one line; UnsuitableError when the format cannot represent the call."""


class LineFormatter:
    """Formats the records of one file, each as a line without its end.

    Of requests and lines it keeps the digests, where the format holds each example once.
    """

    def __init__(self, form: Format) -> None:
        self._format_record = FORMATTERS[form]
        self._seen: set[bytes] | None = set() if form in EACH_ONCE else None

    def format(self, record: bytes) -> bytes:
        """The line of a record.

        Raises:
            UnsuitableError: the format cannot represent the call, or has an example of the same request and
                line already.
        """
        try:
            line = self._format_record(record)
        except UnsuitableError:
            raise
        except ValueError:
            raise UnsuitableError("with a number of too many digits") from None
        if self._seen is not None:
            request, _ = split_members(decode(record)).get("request", ("", None))
            digest = blake2b(f"{request}\n".encode() + line, digest_size=16).digest()
            if digest in self._seen:
                raise UnsuitableError("the same as one before")
            self._seen.add(digest)
        return line


def raw(record: bytes) -> bytes:
    """The provider's own request and response: of a Responses call the native ones."""
    members = split_members(decode(record))
    native = "native_" if "native_request" in members else ""
    texts = {
        "id": members["id"][0],
        "request": members.get(f"{native}request", ("null",))[0],
        "response": members.get(f"{native}response", ("null",))[0],
    }
    texts |= {name: members[name][0] for name in _RAWS if name in members}
    return ("{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in texts.items()) + "}").encode()


def chat(record: bytes) -> bytes:
    """The messages, the first answer as the last of them.

    Raises:
        UnsuitableError: the call was not answered, or is no chat.
    """
    call = json.loads(record)
    return _line({"id": call["id"], "model": _model(call), "messages": _messages(call)})


def openai_finetune(record: bytes) -> bytes:
    """A training example.

    Raises:
        UnsuitableError: the call makes none.
    """
    return _line(training_example(json.loads(record)))


def evals(record: bytes) -> bytes:
    """An item for the evals API: ``item.input`` are messages, ``item.output`` is the text of the answer.

    Raises:
        UnsuitableError: the call was not answered, or is no chat.
    """
    call = json.loads(record)
    *asked, answer = _messages(call)
    item = {
        "id": call["id"],
        "model": _model(call),
        "input": asked,
        "output": message_text(replace(read_message(answer), tool_calls=[], function_call=None)),
        "output_message": answer,
        "tags": call.get("tags") or [],
        "metadata": call.get("metadata") or {},
    }
    tools = call["request"].get("tools")
    return _line({"item": item | ({"tools": tools} if tools else {})})


def _messages(call: dict[str, Any]) -> list[dict[str, Any]]:
    request = call.get("request")
    asked = request.get("messages") if isinstance(request, dict) else None
    choices = list_choices(call.get("response"))
    answer = choices[0].get("message") if choices else None
    if not isinstance(answer, dict):
        raise UnsuitableError("without an answer")
    if not isinstance(asked, list) or not all(isinstance(message, dict) for message in asked):
        raise UnsuitableError("without chat messages")
    return [*asked, {"role": "assistant", **answer}]


def _model(call: dict[str, Any]) -> Any:
    """The model that answered, else the one that was asked."""
    sides = [side for side in (call.get("response"), call.get("request")) if isinstance(side, dict)]
    return next((side["model"] for side in sides if side.get("model")), None)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


FORMATTERS: Final[dict[Format, RecordFormatter]] = {
    Format.JSONL: lambda record: record,
    Format.RAW: raw,
    Format.CHAT: chat,
    Format.OPENAI_FINETUNE: openai_finetune,
    Format.EVALS: evals,
}
TABLE_FILES: Final = frozenset({Format.SQLITE, Format.PARQUET})
"""Formats that are files of tables, not lines."""
WITH_BODIES: Final = frozenset({Format.CSV, *TABLE_FILES})
"""Formats that include the whole bodies only where they are asked for."""
EACH_ONCE: Final = frozenset({Format.OPENAI_FINETUNE})
"""The forms that hold a line once, however many calls it stands for."""
WITH_ID: Final = frozenset({Format.JSONL, Format.RAW, Format.CHAT})
"""Formats whose lines contain the call's id, so that an interrupted export can be resumed."""
RESUMABLE: Final = WITH_ID | {Format.SQLITE}
"""Formats of which an interrupted export can be resumed."""
