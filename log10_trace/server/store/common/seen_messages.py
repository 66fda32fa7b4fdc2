"""Detects messages that earlier calls of the session already contained.

Only what was not said before in the same session goes into the text index, so a word is found where it was
said first and the index does not grow with the square of a conversation.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from log10_trace.domain.text_extraction import CompletionText

_SESSIONS: Final = 1_000
_HISTORIES: Final = 4
"""Conversations that run side by side in one session."""


class SeenMessages:
    """Remembers what was said last in the latest sessions. For one thread."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[str, str], list[tuple[int, ...]]] = OrderedDict()

    def count_repeated(self, organization_id: str, session_id: str | None, words: CompletionText) -> int:
        """How many messages at the beginning were there in an earlier call; remembers this one."""
        if session_id is None:
            return 0
        histories = self._sessions.pop((organization_id, session_id), [])
        self._sessions[organization_id, session_id] = histories
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        said = tuple(map(hash, words.request_texts))
        known = max((old for old in histories if _continues(old, said)), key=len, default=())
        if known:
            histories.remove(known)
        histories.append((*said, hash(words.response_text)))
        del histories[:-_HISTORIES]
        return len(known) if said[: len(known)] == known else max(len(known) - 1, 0)

    def forget(self) -> None:
        """Remember nothing, so that everything is new: what was remembered may not have been kept."""
        self._sessions.clear()


def _continues(old: tuple[int, ...], said: tuple[int, ...]) -> bool:
    """Whether ``said`` goes on from the messages of ``old``, whose last item is the answer they got."""
    asked = old[:-1]
    return 0 < len(asked) < len(said) and said[: len(asked)] == asked
