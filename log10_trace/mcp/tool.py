"""A tool of the MCP server, and the question that it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from log10_trace.client import Log10
from log10_trace.domain.page_paths import HOME, add_query
from log10_trace.domain.times import rfc3339
from log10_trace.mcp.answer import Answer, Detail, RenderedAnswer, render_within
from log10_trace.mcp.arguments import SIZE_ARGUMENT, Argument, input_schema, read_arguments

_MAX_ADDRESS: Final = 1_000
"""Characters of a page's address; a longer one has none of the conditions."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks: a server's client, and the values of the tool's arguments."""

    client: Log10
    given: Mapping[str, Any]

    def page(self, path: str) -> str:
        """The address of a page of the server."""
        address = f"{self.client.server_url.rstrip('/')}{path}"
        return address if len(address) <= _MAX_ADDRESS else address.partition("?")[0][:_MAX_ADDRESS]

    def list_page(self, filters: Mapping[str, Any], path: str = HOME) -> str:
        """The address of the page with the calls that pass the filters."""
        pairs = [
            (name, rfc3339(round(item.timestamp() * 1000)) if isinstance(item, datetime) else str(item))
            for name, value in filters.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        return self.page(add_query(path, pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool: what an agent reads about it, what it takes, and how it answers."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    answer: Callable[[Question], Callable[[Detail], Answer]]
    """Asks the server, and gives what makes the answer of any detail."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return input_schema((*self.arguments, SIZE_ARGUMENT))

    def ask(self, client: Log10, given: Mapping[str, Any], max_characters: int) -> RenderedAnswer:
        """The answer to a question; no longer than the question allows, else ``max_characters``.

        Raises:
            ArgumentError: an argument cannot be used.
            Log10Error: the server cannot be reached, refuses, or has no such thing.
        """
        values = read_arguments((*self.arguments, SIZE_ARGUMENT), given)
        build = self.answer(Question(client, values))
        return render_within(build, values[SIZE_ARGUMENT.name] or max_characters)
