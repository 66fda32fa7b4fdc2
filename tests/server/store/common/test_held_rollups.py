"""Roll-ups that are held for a snapshot: each is read once, of the groups that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from log10_trace.server.store.common.held_rollups import HeldRollups, MissingRollups, RollupRequest
from log10_trace.server.store.common.rollup_cover import RollupRange
from log10_trace.server.store.common.summed_rollups import RollupRow
from log10_trace.server.store.data_types import GroupBy

DAYS, HOUR = RollupRange(1440, 0, 2880), RollupRange(60, 1440, 1500)


class Stored:
    """A store with a roll-up of every group in every step, which notes what is read."""

    def __init__(self) -> None:
        self.reads: list[list[tuple[str, int, int, str]]] = []

    def fetch(self, missing: Sequence[MissingRollups]) -> Iterator[tuple[GroupBy, int, RollupRow]]:
        """The roll-ups, the last step first."""
        self.reads.append(
            sorted(
                (each.dimension, *step, key) for each in missing for step in each.steps for key in each.keys
            )
        )
        for each in reversed(missing):
            for width, start in reversed(each.steps):
                for key in each.keys:
                    yield each.dimension, width, (key, start, f"{width}", "[]")


def test_what_several_queries_ask_for_is_read_at_once() -> None:
    """One read brings the roll-ups of all requests; to read them then takes none."""
    stored = Stored()
    held = HeldRollups(stored.fetch)
    requests = [RollupRequest("model", [DAYS, HOUR], ["a"]), RollupRequest("tag", [HOUR], ["b"])]
    held.prefetch(requests)

    rows = [held.read(request) for request in requests]

    assert rows[0] == [("a", 0, "1440", "[]"), ("a", 1440, "1440", "[]"), ("a", 1440, "60", "[]")]
    assert rows[1] == [("b", 1440, "60", "[]")]
    assert len(stored.reads) == 1


def test_what_is_held_is_not_read_again() -> None:
    """Of fewer groups nothing is read; of a new step only that step."""
    stored = Stored()
    held = HeldRollups(stored.fetch)
    held.read(RollupRequest("model", [DAYS], ["a", "b"]))

    assert held.read(RollupRequest("model", [DAYS], ["b"])) == [
        ("b", 0, "1440", "[]"),
        ("b", 1440, "1440", "[]"),
    ]
    assert held.read(RollupRequest("model", [HOUR, DAYS], ["b"]))[0] == ("b", 1440, "60", "[]")
    assert stored.reads[1:] == [[("model", 60, 1440, "b")]]


def test_a_step_of_more_groups_is_read_whole() -> None:
    """Two requests of one step bring the groups of both once each; so does a later one of other groups."""
    stored = Stored()
    held = HeldRollups(stored.fetch)
    held.prefetch([RollupRequest("model", [HOUR], ["a"]), RollupRequest("model", [HOUR], ["b"])])

    assert held.read(RollupRequest("model", [HOUR], ["a"])) == [("a", 1440, "60", "[]")]
    assert {row[0] for row in held.read(RollupRequest("model", [HOUR], ["b", "c"]))} == {"b", "c"}
    assert [row[0] for row in held.read(RollupRequest("model", [HOUR], ["a"]))] == ["a"]
    assert len(stored.reads) == 2


def test_no_group_is_no_read() -> None:
    """A request of no groups gives nothing, and the step can be asked for later."""
    stored = Stored()
    held = HeldRollups(stored.fetch)

    assert held.read(RollupRequest("model", [HOUR], [])) == []
    assert held.read(RollupRequest("model", [HOUR], ["a"])) == [("a", 1440, "60", "[]")]
