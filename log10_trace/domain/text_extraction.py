"""Text extraction for search and previews. Pure, and lossy by design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

PREVIEW_CHARACTERS: Final = 200
SEARCHED_CHARACTERS: Final = 200_000
"""Of one request, and of one response; what lies behind is kept, not found."""

# Where the APIs put words. Under every other name stand ids, links, data and schemas.
_WORDS: Final = frozenset(
    ("arguments", "content", "input", "instructions", "message", "name", "output", "prompt", "query",
     "reason", "reasoning", "reasoning_content", "refusal", "summary", "text", "transcript")
)  # fmt: skip
_IGNORED_FIELDS: Final = frozenset(("logprobs", "tools", "functions", "response_format", "usage", "metadata"))


def request_texts(request: Any) -> list[str]:
    """The text of each message of a request, in order; one text for a request of another form."""
    if not isinstance(request, dict):
        return [sanitize(request)] if isinstance(request, str) else []
    turns = request.get("messages", request.get("input"))
    if not isinstance(turns, list):
        return [_join(request)]
    texts = [_join(turn) if isinstance(turn, dict) else sanitize(str(turn)) for turn in turns]
    instructions = request.get("instructions")
    return [sanitize(instructions), *texts] if isinstance(instructions, str) else texts


def response_text(response: Any) -> str:
    """The text of a response, all its choices; of an error object, its message."""
    return sanitize(response) if isinstance(response, str) else _join(response)


@dataclass(frozen=True, slots=True)
class CompletionText:
    """What was said in a completion."""

    request_texts: list[str]
    response_text: str
    failure: str

    # The text index is told to forget a record with the very texts it was told to learn: a change of these
    # needs a migration that fills the index anew.

    def searchable_request(self, skipped: int = 0) -> str:
        """What can be searched for of the request, the first ``skipped`` messages left out."""
        return _join_parts(self.request_texts[skipped:])

    def searchable_response(self) -> str:
        """What can be searched for of the response, and of why there is none."""
        return _join_parts((self.response_text, self.failure))


def extract_text(values: Mapping[str, Any]) -> CompletionText:
    """The words of a completion's parsed fields."""
    failure = values.get("failure_reason")
    return CompletionText(
        request_texts=request_texts(values.get("request")),
        response_text=response_text(values.get("response")),
        failure=sanitize(failure) if isinstance(failure, str) else "",
    )


def preview(text: str) -> str:
    """The beginning of a text, on one line."""
    # Little is enough for nearly every text, and more for one that has much space in it.
    for read in (PREVIEW_CHARACTERS + 50, PREVIEW_CHARACTERS * 4):
        shown = " ".join(text[:read].split())[:PREVIEW_CHARACTERS]
        if len(shown) == PREVIEW_CHARACTERS:
            break
    return shown


def _join_parts(parts: Sequence[str]) -> str:
    return "\n".join(part for part in parts if part)[:SEARCHED_CHARACTERS]


def _join(node: Any) -> str:
    return "\n".join(sanitize(text) for text in _texts(node))


def _texts(node: Any) -> Iterator[str]:
    """Every text that stands where the APIs put words, in order. Depth is bounded where JSON is read."""
    if isinstance(node, list):
        for item in node:
            yield from (item,) if isinstance(item, str) else _texts(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, str):
                if name in _WORDS:
                    yield value
            elif name not in _IGNORED_FIELDS and isinstance(value, list | dict):
                yield from _texts(value)


def sanitize(text: str) -> str:
    """Text that every database takes: NUL and lone surrogates, which none does, are replaced."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", " ")
