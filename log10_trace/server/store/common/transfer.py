"""Reading whole records in batches whose size is told by their bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

READ_AT_ONCE: Final = 1_000
"""Keys of records that are read before the records themselves."""
_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of the compressed bodies that are held at a time; a larger body is held alone."""
_MAX_RECORDS: Final = 200

Key = TypeVar("Key")


def split_by_bytes(sized: Iterable[tuple[Key, int]]) -> Iterator[list[Key]]:
    """Keys of records in batches, from each key and the bytes of its record."""
    batch: list[Key] = []
    held = 0
    for key, size in sized:
        if batch and (held + size > _MAX_BYTES or len(batch) >= _MAX_RECORDS):
            yield batch
            batch, held = [], 0
        batch.append(key)
        held += size
    if batch:
        yield batch
