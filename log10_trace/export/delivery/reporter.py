"""What the delivery thread pushes beside the records."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Has something to push now and then: the latest state of it, such as counts."""

    @property
    def due_at(self) -> float:
        """When the next push is due, by the monotonic clock; infinite where none is."""
        ...

    @property
    def has_news(self) -> bool:
        """Whether there is something that no attempt to push has carried."""
        ...

    def push(self, timeout: float) -> None:
        """Try once; ``timeout`` is the seconds that the request may take."""
        ...
