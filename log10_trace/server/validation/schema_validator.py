"""JSON Schema validation with a CPU limit, in a subprocess where its cost cannot be predicted.

A regular expression can backtrack, and references can multiply, practically for ever. A thread that
does so cannot be stopped, and a regular expression does not even let the other threads run; a process can.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from typing import Any, Final

from log10_trace.server.http.api_errors import ApiError, unprocessable
from log10_trace.server.validation import json_schema

MAX_CPU_S: Final = 3
"""Seconds of computing that one examination gets, the start of its process included."""
MAX_WAIT_S: Final = 20.0
"""Seconds it gets in all, on a machine that has no time for it."""

_QUICK_SCHEMA: Final = 8_192
"""Characters of a schema that is examined in milliseconds, and so on a thread."""
_QUICK_PRODUCT: Final = 2_000_000
"""The same for a schema of plain keywords and values: the characters of one times those of the other."""
_NOT_PLAIN: Final = ('"pattern', 'ref"', 'Ref"', '"uniqueItems', '"unevaluated', "\\u")
"""A schema whose text contains one of these has a cost that its length does not bound."""
_CHILD: Final = "from log10_trace.server.validation.schema_validator import subprocess_main as run; run()"


class SchemaValidator:
    """Checks schemas, and values against them; one at a time where that may take long."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def validate_schema(self, schema_text: str) -> None:
        """Refuse what is no JSON Schema, or takes too long to find that out.

        Raises:
            ApiError: 422, with the location in the schema.
        """
        if len(schema_text) <= _QUICK_SCHEMA:
            await asyncio.to_thread(_examine, schema_text, None)
        else:
            await self._validate_in_subprocess("json_schema", schema_text, None)

    async def validate_values(self, values_text: str, schema_text: str) -> None:
        """Refuse values that do not fit the schema, or take too long to find that out.

        Raises:
            ApiError: 422, with the location in the values.
        """
        if _is_quick(schema_text, values_text):
            await asyncio.to_thread(_examine, schema_text, values_text)
        else:
            await self._validate_in_subprocess("json_values", schema_text, values_text)

    async def _validate_in_subprocess(self, field: str, schema_text: str, values_text: str | None) -> None:
        question = json.dumps([schema_text, values_text]).encode()
        async with self._turn:
            said = await _run_subprocess(question)
        if said is None:
            raise unprocessable(field, "Validation against the task's JSON Schema timed out.")
        if said:
            raise _decode_error(**said)


def subprocess_main() -> None:
    """Main function of the subprocess: validate standard input, and write the error or an empty object."""
    schema_text, values_text = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    refused: dict[str, Any] = {}
    try:
        _examine(schema_text, values_text)
    except ApiError as refusal:
        refused = {"status": refusal.status, **refusal.as_dict()}
        if isinstance(refusal, json_schema.SchemaMismatchError):
            refused |= {"place": refusal.place, "detail": refusal.detail}
    json.dump(refused, sys.stdout)


def _decode_error(
    *,
    status: int,
    code: str,
    message: str,
    field: str,
    place: list[str | int] | None = None,
    detail: str = "",
) -> ApiError:
    if place is None:
        return ApiError(status, code, message, field=field)
    return json_schema.SchemaMismatchError(field, message, place, detail)


def _is_quick(schema_text: str, values_text: str) -> bool:
    is_plain = not any(keyword in schema_text for keyword in _NOT_PLAIN)
    return is_plain and len(schema_text) * len(values_text) <= _QUICK_PRODUCT


def _examine(schema_text: str, values_text: str | None) -> None:
    if values_text is None:
        json_schema.validate_schema(json.loads(schema_text))
    else:
        json_schema.validate_values(json.loads(values_text), json.loads(schema_text))


async def _run_subprocess(question: bytes) -> dict[str, Any] | None:
    """The subprocess's result; None when it did not finish."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(question), MAX_WAIT_S)
    except asyncio.TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return json.loads(output) if process.returncode == 0 else None
