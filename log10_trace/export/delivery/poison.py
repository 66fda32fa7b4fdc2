"""Which record fails whenever it is sent, told from a server that takes nothing for a while.

A round ends whenever the server takes a record. A record that fails in one round after the other, in the end
on its own, is poison: what stands in it is refused by the server or by something before it. In an outage no
round ends, and nothing is found. A server that fails at random gives itself away by records that failed alone
and then pass: what failed in the same round is cleared, and more rounds are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from log10_trace.export.delivery.responses import RecordResult, list_distinct
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.spool.backlog import Place

FAILED: Final = (Disposition.RETRY, Disposition.DENIED)
_IN_COMPANY: Final = 1
_ALONE: Final = 2
# Before there was doubt, a server that failed half of its requests at random made dead letters of two healthy
# records in a hundred.
DOUBT_MOST: Final = 8.0
DOUBT_GOES: Final = 0.1
"""Each attempt that passes takes so much of the doubt away."""
MAX_SUSPECTS: Final = 1000
"""Number of records remembered; a batch has 500."""
# The key, the password of the proxy and the pace: none of them is about a record.
_NOT_OF_RECORD: Final = (401, 407, 429)
_SERVER_ERROR: Final = 500
_REASON: Final = "it fails again and again, alone, while other records are taken"


def weigh_evidence(answer: RecordResult) -> int:
    """How much must be held against a record with such an answer; 0: the answer does not speak of records.

    Statuses of gateways that are busy, and time-outs, take more: they come and go.
    """
    if answer.disposition not in FAILED or not answer.connected or answer.status in _NOT_OF_RECORD:
        return 0
    comes_and_goes = answer.disposition is Disposition.RETRY and answer.status != _SERVER_ERROR
    return 3 * _ALONE if comes_and_goes else 2 * _ALONE


class Suspects:
    """What is held against each record that was part of failed attempts."""

    def __init__(self) -> None:
        self._round = 0
        self._rounds: dict[Place, dict[int, int]] = {}
        self._doubt = 0.0
        """How many more rounds are asked for, because of records that failed alone and then passed."""

    def update(
        self, places: Sequence[Place], answers: Sequence[RecordResult], *, alone: bool
    ) -> list[RecordResult]:
        """The answers to one attempt, a refusal being put for a record that is found to be poison.

        ``alone``: each of the records had a request of its own.
        """
        # As nearly all attempts end: nothing was held against any of them, and nothing is.
        if not self._rounds and all(each.disposition is Disposition.DONE for each in list_distinct(answers)):
            if answers:
                self._on_passed()
            return list(answers)
        pairs = list(zip(places, answers, strict=True))
        passed = [
            place for place, answer in pairs if answer.disposition in (Disposition.DONE, Disposition.REJECTED)
        ]
        if passed:
            self._on_passed()
        for place in passed:
            self._clear(place)
        return [self._update_record(place, answer, alone) for place, answer in pairs]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held against any record."""
        return not self._rounds

    def has_failed_alone(self, place: Place) -> bool:
        """Whether a record failed in an attempt of its own."""
        return _ALONE in self._rounds.get(place, {}).values()

    def _on_passed(self) -> None:
        self._doubt = max(0.0, self._doubt - DOUBT_GOES)
        self._round += 1

    def _clear(self, place: Place) -> None:
        """Forget what is held against a record that went through, and against others at the same time.

        Where it had failed alone, it was not for what stands in it: the server took nothing in that round.
        """
        void = [number for number, weight in self._rounds.pop(place, {}).items() if weight == _ALONE]
        if void:
            self._doubt = min(DOUBT_MOST, self._doubt + 1.0)
        for rounds in self._rounds.values() if void else ():
            for number in void:
                rounds.pop(number, None)

    def _update_record(self, place: Place, answer: RecordResult, alone: bool) -> RecordResult:
        needed = weigh_evidence(answer)
        if not needed:
            return answer
        rounds = self._rounds.setdefault(place, {})
        rounds[self._round] = max(_ALONE if alone else _IN_COMPANY, rounds.get(self._round, 0))
        if alone and sum(rounds.values()) >= needed + self._doubt * _ALONE:
            del self._rounds[place]
            message = f"{answer.message}; " if answer.message else ""
            return replace(answer, disposition=Disposition.REJECTED, message=f"{message}{_REASON}")
        while len(self._rounds) > MAX_SUSPECTS:
            del self._rounds[next(iter(self._rounds))]
        return answer
