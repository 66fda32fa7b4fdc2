"""Accumulates the chunks of a streamed chat or text completion into the unstreamed response.

Nothing is invented and no key is dropped, known or not, save ``obfuscation``, which is noise by design. The
work grows with the length of the stream, whatever the number of its chunks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from log10_trace.record.accumulate_delta import DeltaAccumulator
from log10_trace.record.accumulate_parts import Object, add_values, extend_lists
from log10_trace.record.accumulate_places import find_places_in_delta, is_plain
from log10_trace.record.accumulate_rules import is_state, is_text
from log10_trace.record.accumulate_text import Pieces, Places


def accumulate(chunks: Iterable[Object], kind: str) -> Object:
    """One completion from its chunks; ``kind`` is its ``object``: "chat.completion" or "text_completion"."""
    choices = ChoiceAccumulator(kind)
    for chunk in chunks:
        choices.add(chunk)
    return choices.finish()


class ChoiceAccumulator:
    """One completion, chunk by chunk."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._whole: Object = {}
        self._choices: dict[int, Object] = {}
        self._beside: dict[int, Object] = {}
        """The messages that stand beside deltas: what came so far, with some providers."""
        self._deltas = DeltaAccumulator()
        self._lossy = False

    @property
    def lossy(self) -> bool:
        """Whether the completion lacks a value that a chunk had."""
        return self._lossy or self._deltas.lossy

    def add(self, chunk: Object) -> None:
        """Add the next chunk; its lists and objects may become the completion's."""
        whole = self._whole
        for key, value in chunk.items():
            if key == "choices":
                if isinstance(value, list):
                    self._add_choices(value)
                    # The key keeps its place, though the choices are put there at the end.
                    whole.setdefault(key, None)
            elif key in whole and whole[key] == value and type(value) is not list:
                continue
            # A chunk says chat.completion.chunk; readers look for the name of the unstreamed object.
            elif key == "object":
                whole[key] = self._kind
            elif key != "obfuscation" and (value or key not in whole):
                # What says nothing does not erase: Azure's first chunk, and some later ones, are empty.
                self._hold_last(whole, key, value)

    def find_places(self, chunk: Object) -> Places | None:
        """The texts that ``add`` would add values of this chunk to; None when it would do more than that."""
        places: Places = {}
        pieces = chunk.get("choices")
        if not (isinstance(pieces, list) and len(pieces) == 1 and isinstance(pieces[0], dict)):
            return None
        index = pieces[0].get("index")
        choice = self._choices.get(index if type(index) is int else 0)
        if choice is None or not self._repeats(chunk, places):
            return None
        return places if self._find_in_choice(choice, pieces[0], places) else None

    def _repeats(self, chunk: Object, places: Places) -> bool:
        """Whether ``add`` changes nothing by what a chunk has beside its choices."""
        whole = self._whole
        for key, value in chunk.items():
            if key == "obfuscation":
                if isinstance(value, str):
                    places[value] = None
            elif key == "object":
                if whole.get(key) != self._kind:
                    return False
            elif key != "choices" and not (key in whole and (not value or _is_same(whole[key], value))):
                return False
        return True

    def _find_in_choice(self, choice: Object, piece: Object, places: Places) -> bool:
        """Find the texts that a piece of a choice is added to; false when it changes more than these."""
        for key, value in piece.items():
            before = choice.get(key)
            if key == "delta":
                if not (
                    isinstance(value, dict) and find_places_in_delta(choice.get("message"), value, places)
                ):
                    return False
            elif type(before) is Pieces and type(value) is str:
                places[value] = before
            elif key == "message" or not (key == "index" or _says_nothing_new(choice, key, value)):
                return False
        return True

    def finish(self) -> Object:
        """The completion as far as it came; ``add`` is not called afterwards."""
        whole = self._whole
        if "choices" in whole:
            # By index, not by arrival: of several choices the second may come first.
            whole["choices"] = [self._finish_choice(index) for index in sorted(self._choices)]
        return whole

    def _add_choices(self, pieces: list[Any]) -> None:
        for position, piece in enumerate(pieces):
            if not isinstance(piece, dict):
                continue
            index = piece.get("index")
            # Some providers send no index; ``True`` would be one by isinstance.
            if type(index) is not int:
                index = position
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = {"index": index}
                if self._kind == "chat.completion":
                    choice["message"] = {}
                # A stream that is left early never gives one: the key stands all the same, with null.
                choice["finish_reason"] = None
            self._add_choice(choice, piece)

    def _add_choice(self, choice: Object, piece: Object) -> None:
        for key, value in piece.items():
            if key == "delta":
                if isinstance(value, dict):
                    self._deltas.add(choice.setdefault("message", {}), value)
            elif value is None:
                # Some providers send the finish reason and then null in later chunks.
                choice.setdefault(key, None)
            elif key == "message":
                if "delta" in piece:
                    # Perplexity: what came so far stands along with each delta.
                    self._beside[choice["index"]] = value
                elif isinstance(value, dict):
                    self._add_message(choice, value)
            elif key == "logprobs":
                choice[key] = extend_lists(choice.get(key), value)
            elif key != "index":
                self._add_field(choice, key, value)

    def _add_message(self, choice: Object, message: Object) -> None:
        """Add a message without a delta: all that there is so far, or with some providers the next piece."""
        before, content = choice.get("message"), message.get("content")
        known = before.get("content") if isinstance(before, dict) else None
        # Some servers send the message as far as it has come, others its next piece: only the first begins
        # with what is known.
        if before and known and not (isinstance(known, str) and str(content).startswith(known)):
            self._deltas.add(before, message)
        else:
            choice["message"] = dict(message)

    def _add_field(self, choice: Object, key: str, value: Any) -> None:
        before = choice.get(key)
        if type(before) is Pieces and isinstance(value, str):
            before.append(value)
        elif before is None or is_state(key) or key == "usage":
            self._hold_last(choice, key, value)
        elif isinstance(value, list) or (isinstance(value, str) and is_text(key)):
            self._deltas.add(choice, {key: value})
        else:
            self._lossy |= isinstance(value, str) and value not in ("", before)
            self._hold_last(choice, key, value)

    def _hold_last(self, into: Object, key: str, value: Any) -> None:
        """The last that says something holds; objects are merged, lists joined, usage replaced."""
        before = into.get(key)
        # vLLM counts up in every chunk: usage is replaced, never added.
        if before is None or (key == "usage" and value):
            into[key] = _copy(value)
        elif isinstance(before, list) and isinstance(value, list):
            add_values(key, before, value)
        elif isinstance(before, dict) and isinstance(value, dict):
            for name, inner in value.items():
                self._hold_last(before, name, inner)
        elif value is not None and value != "":
            self._lossy |= bool(before) and isinstance(before, list | dict)
            into[key] = value

    def _finish_choice(self, index: int) -> Object:
        choice = self._choices[index]
        beside = self._beside.get(index)
        self._deltas.finish(choice)
        message = choice.get("message")
        if isinstance(beside, dict) and isinstance(message, dict):
            # A message beside the deltas is what they amount to; what they never said is taken from it.
            for key, value in beside.items():
                message[key] = message.get(key) or value
        return choice


def _is_same(before: Any, value: Any) -> bool:
    return bool(before == value) and type(value) is not list


def _says_nothing_new(choice: Object, key: str, value: Any) -> bool:
    """Whether a field of a piece leaves the choice as it is; false where that is not plain to see."""
    if value is None:
        return key in choice
    if isinstance(value, str):
        return is_state(key) and choice.get(key) == value
    return key != "logprobs" and is_plain(value) and choice.get(key) == value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, list) else value
