"""Pseudonyms: marks that are the same for the same value, so that a conversation can still be followed."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import weakref
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

from log10_trace import threads
from log10_trace.redact.detector import Detector, DetectorRedactor
from log10_trace.redact.marks import compile_marks, join_alternatives
from log10_trace.redact.redactors import USUAL, Redactor

MAX_VALUES: Final = 10_000
_MIN_KEY_BYTES: Final = 16
_KEYED_CHARACTERS: Final = 12


def pseudonyms(*detectors: Detector, key: str | bytes | None = None) -> Redactor:
    """A redactor that puts ``<email:1>``, ``<email:2>``, ... in the place of what the detectors find.

    Without a key, a value has the same number in all calls of this process; another process counts anew, and
    a forked child goes on by itself. Of the values only digests with a random key are held in memory, those
    of the last 10,000; a value that comes back later gets a new number.

    Args:
        detectors: What to look for; without them ``keys``, ``emails``, ``cards``, ``ibans`` and ``phones``.
        key: A secret of at least 16 bytes. With it the pseudonyms are 12 hexadecimal digits,
            ``<email:3f9a1c20b7d4>``, the same in all processes that have this key; without the key they
            cannot be computed from the values.

    Raises:
        ValueError: the key is too short.
        TypeError: one of the detectors is not a detector.
    """
    for each in detectors:
        if not isinstance(each, Detector):
            raise TypeError(f"{each!r} is not a detector such as redact.emails")
    if key is None:
        return DetectorRedactor(detectors or USUAL, NumberedMarks())
    secret = key.encode() if isinstance(key, str) else bytes(key)
    if len(secret) < _MIN_KEY_BYTES:
        raise ValueError(f"the key of pseudonyms has {len(secret)} bytes; give at least {_MIN_KEY_BYTES}")
    return DetectorRedactor(detectors or USUAL, KeyedMarks(secret))


def _digest(secret: bytes, kind: str, value: str) -> bytes:
    text = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.digest(secret, text, hashlib.sha256)


@dataclass(frozen=True)
class KeyedMarks:
    """``<email:3f9a1c20b7d4>``: a digest of the value that only the holder of the key can compute."""

    secret: bytes = field(repr=False)

    def write(self, kind: str, value: str) -> str:
        """The mark of the value."""
        return f"<{kind}:{_digest(self.secret, kind, value).hex()[:_KEYED_CHARACTERS]}>"

    def expression(self, kinds: frozenset[str]) -> re.Pattern[str]:
        """Matches the marks of these kinds."""
        return compile_marks(f"<(?:{join_alternatives(kinds)}):[0-9a-f]{{{_KEYED_CHARACTERS}}}>")


_living: Final[weakref.WeakSet[NumberedMarks]] = weakref.WeakSet()


def _renew_locks() -> None:
    for marks in _living:
        marks.renew_lock()


os.register_at_fork(after_in_child=_renew_locks)


class NumberedMarks:
    """``<email:1>``: the first e-mail address that this process has seen. Safe to use from any thread."""

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self._secret = os.urandom(32)
        self._max_values = max_values
        self._lock = threads.new_reentrant_lock()
        self._numbers: OrderedDict[bytes, int] = OrderedDict()
        self._last: Counter[str] = Counter()
        _living.add(self)

    def renew_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that is not there any more."""
        self._lock = threads.new_reentrant_lock()

    def write(self, kind: str, value: str) -> str:
        """The mark of the value; a value that was not seen lately gets the next number of its kind."""
        digest = _digest(self._secret, kind, value)
        with self._lock:
            number = self._numbers.pop(digest, None)
            if number is None:
                self._last[kind] = number = self._last[kind] + 1
            self._numbers[digest] = number
            if len(self._numbers) > self._max_values:
                self._numbers.popitem(last=False)
        return f"<{kind}:{number}>"

    def expression(self, kinds: frozenset[str]) -> re.Pattern[str]:
        """Matches the marks of these kinds."""
        return compile_marks(f"<(?:{join_alternatives(kinds)}):[0-9]{{1,12}}>")
