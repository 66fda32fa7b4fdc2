"""What a line of a file to import is: one of our records, or one of the original client's. Pure."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from log10_trace.domain.call_labels import PROMPT
from log10_trace.domain.json_slices import decode, split_members

Members = dict[str, tuple[str, Any]]
"""Name -> (exact JSON text, value)."""

_ID_NAMESPACE: Final = uuid.UUID("6c6f6731-3074-5261-8365-000000000000")
"""The namespace of ids for lines without one: the same line, the same id, so importing twice is harmless."""

_KINDS: Final = {"completion": PROMPT}
"""What the original client called our kinds."""


def convert_line(line: bytes, *, keep_organization: bool = False) -> bytes:
    """The record on the line, ready to be sent; what needs no change stays as it is spelled.

    Args:
        line: JSON text.
        keep_organization: leave the organization in; without, the key's own gets the record.

    Raises:
        RecordFormatError: the line is no JSON object.
    """
    members = split_members(decode(line))
    if _is_original(members):
        members = _convert_legacy(members)
    if not keep_organization:
        members.pop("organization_id", None)
    if not (members.get("id") or ("", None))[1]:
        members["id"] = _member(str(uuid.uuid5(_ID_NAMESPACE, line.hex())))
    text = ",".join(f"{json.dumps(name)}:{text}" for name, (text, _) in members.items())
    return ("{" + text.replace("\n", " ").replace("\r", " ") + "}").encode()


def _is_original(members: Members) -> bool:
    """Whether the original client's download wrote the line: it resolved the tags, or used its own kinds."""
    kind = members.get("kind", ("", None))[1]
    return "tagResolved" in members or (isinstance(kind, str) and kind in _KINDS)


def _convert_legacy(members: Members) -> Members:
    """A record of the original client in the API's terms: tags by name, seconds, bodies as JSON."""
    converted = {name: member for name, member in members.items() if name != "tagResolved"}
    resolved = members.get("tagResolved", ("", None))[1]
    if isinstance(resolved, list):
        converted["tags"] = _member([tag["name"] for tag in resolved if _is_tag(tag)])
    kind = members.get("kind", ("", None))[1]
    if isinstance(kind, str) and kind in _KINDS:
        converted["kind"] = _member(_KINDS[kind])
    milliseconds = members.get("duration", ("", None))[1]
    if isinstance(milliseconds, int | float):
        converted["duration"] = _member(milliseconds / 1000)
    for name in ("request", "response", "stacktrace"):
        text = members.get(name, ("", None))[1]
        if isinstance(text, str):
            converted[name] = _unwrap(text, members[name])
    return {name: member for name, member in converted.items() if member[1] is not None}


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, dict) and isinstance(tag.get("name"), str)


def _unwrap(text: str, member: tuple[str, Any]) -> tuple[str, Any]:
    """JSON that was written as a string, as JSON; any other string stays one."""
    try:
        return text, json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or JSON too odd for Python: the server keeps the string
        return member


def _member(value: Any) -> tuple[str, Any]:
    return json.dumps(value), value
