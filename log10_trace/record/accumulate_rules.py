"""What the name of a field says about its pieces in a stream: a label, a text, or a sequence of tokens."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

_LABELS: Final = {"role", "id", "type", "name", "format", "object", "model", "signature"}
_LABEL_ENDS: Final = ("_id", "_type", "_name", "_format", "_signature", "_url")
# Parts of names: finish_reason has one too, so is_state is asked before is_text.
_TEXTS: Final = (
    "content", "text", "reason", "think", "thought", "refusal", "transcript", "argument", "input", "data",
    "summary", "code",
)  # fmt: skip
_SEQUENCES: Final = ("token", "logprob", "offset")
_STATES: Final = ("status", "finish_reason", "stop_reason")


# Asked again with every chunk. Bounded, because the keys are the provider's.
@lru_cache(1_000)
def is_label(key: str) -> bool:
    """Whether the field stands for one thing; providers repeat it in every chunk."""
    return key in _LABELS or key.endswith(_LABEL_ENDS)


@lru_cache(1_000)
def is_state(key: str) -> bool:
    """Whether the last value of the field holds, whatever it was before."""
    return key.endswith(_STATES)


@lru_cache(1_000)
def is_text(key: str) -> bool:
    """Whether equal pieces of the field are text that repeats itself, not a value that comes again."""
    return any(word in key for word in _TEXTS)


def is_sequence(key: str, values: list[Any]) -> bool:
    """Whether each chunk has its own elements of the list, though they may equal those before."""
    # Some providers send the prompt's tokens whole with every chunk, and of the answer's only the new ones.
    is_of_prompt = key.startswith("prompt")
    return is_of_tokens(key) or (not is_of_prompt and all(isinstance(value, int | float) for value in values))


@lru_cache(1_000)
def is_of_tokens(key: str) -> bool:
    """Whether the field holds something for each token of the answer."""
    return not key.startswith("prompt") and any(word in key for word in _SEQUENCES)
