"""Sort keys of completions in lists: integers that hold the millisecond a call began, and a few bits more."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.server.store.common.paging import LAST


@dataclass(frozen=True, slots=True)
class SortKeyFormat:
    """Sort keys with ``tie_bits`` bits that tell the calls of a millisecond apart. Times are UTC."""

    tie_bits: int

    @property
    def per_millisecond(self) -> int:
        """How many sort keys a millisecond has."""
        return 1 << self.tie_bits

    def make(self, began_ms: int, arrival: int) -> int:
        """The sort key of a call that began at ``began_ms``; the low bits of ``arrival`` are the tie bits."""
        return began_ms << self.tie_bits | arrival & self.per_millisecond - 1

    def first_of(self, began_ms: int) -> int:
        """The lowest sort key of a millisecond; bounds a span of time."""
        return min(max(began_ms, 0) << self.tie_bits, LAST)

    def began_ms(self, sort_key: int) -> int:
        """When the call of a sort key began."""
        return sort_key >> self.tie_bits


class CopiedSortKeys:
    """Sort keys for records that are copied in the order of another database. For one thread."""

    def __init__(self, form: SortKeyFormat) -> None:
        self._form = form
        self._last = -1

    def make(self, began_ms: int) -> int:
        """The sort key behind that of the record before it, where both began in one millisecond."""
        first, behind = self._form.first_of(began_ms), self._last + 1
        is_next = first < behind < first + self._form.per_millisecond
        self._last = behind if is_next else first
        return self._last
