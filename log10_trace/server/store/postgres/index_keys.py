"""Index key length limit: PostgreSQL's indexes take no entry beyond 2.7 KB. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any, Final

from log10_trace.server.store.common.columns import CompletionColumns
from log10_trace.server.store.common.metadata_labels import MetadataPair

_MOST_BYTES: Final = 300
_HASH_BYTES: Final = 8
_MOST_BYTES_OF_CHARACTER: Final = 4
_FINGERPRINT: Final = re.compile(rf"~[0-9a-f]{{{2 * _HASH_BYTES}}}$")
_SURELY_SHORT: Final = _MOST_BYTES // 4
"""Characters that are never too many bytes."""
_NAMES: Final = ("model", "session_id", "failure_kind", "file", "function", "source", "trace_id")


def truncate_key(name: str) -> str:
    """The name, or of a very long one its beginning and a fingerprint of the whole.

    Fixed for good, as what was stored under a name is looked for under the same. The record itself keeps its
    names whole.
    """
    if len(name) <= _SURELY_SHORT or len(name.encode()) <= _MOST_BYTES:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=_HASH_BYTES).hexdigest()
    return f"{name.encode()[: _MOST_BYTES - 2 * _HASH_BYTES - 1].decode(errors='ignore')}~{digest}"


def is_truncated(name: str) -> bool:
    """Whether the name is what ``truncate_key`` made of a longer one."""
    size = len(name.encode())
    return _MOST_BYTES - _MOST_BYTES_OF_CHARACTER < size <= _MOST_BYTES and bool(_FINGERPRINT.search(name))


def truncate_keys(facts: CompletionColumns) -> CompletionColumns:
    """The same facts with names that fit."""
    found: dict[str, Any] = {name: getattr(facts, name) for name in _NAMES}
    fits: dict[str, Any] = {name: value and truncate_key(value) for name, value in found.items()}
    tags = tuple(map(truncate_key, facts.tags))
    metadata = tuple(map(truncate_value, facts.metadata))
    if fits == found and tags == facts.tags and metadata == facts.metadata:
        return facts
    return replace(facts, tags=tags, metadata=metadata, **fits)


def truncate_value(pair: MetadataPair) -> MetadataPair:
    """The pair with a value that fits; keys always do."""
    return pair._replace(value=truncate_key(pair.value))
