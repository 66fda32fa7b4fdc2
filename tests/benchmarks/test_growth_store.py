"""What a store costs at several sizes is measured, kept and fitted."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import growth_store
from benchmarks.growth_store import Measured, fit_exponent
from benchmarks.records import Maker
from log10_trace.domain.completion_record import parse
from log10_trace.server.store import open_store


@pytest.mark.parametrize(("power", "factor"), [(0, 5), (0.5, 1), (1, 300), (2, 0.01)])
def test_the_exponent_of_a_power_is_found(power: float, factor: float) -> None:
    """Whatever stands before it; one size tells nothing, and neither do zeros."""
    sizes = [10, 300, 7_000]

    assert fit_exponent(sizes, [factor * size**power for size in sizes]) == pytest.approx(power)
    assert fit_exponent([10, 10], [1, 2]) is None
    assert fit_exponent(sizes, [0, 0, 1]) is None


def put_records(database: str, maker: Maker, count: int, organization_id: str) -> None:
    """Fill a database without the process beside it, which takes longer to start than a small one to fill."""
    with closing(open_store(database)) as store:
        records = [parse(line) for line in maker.lines(0, count)]
        for future in store.completions.put_many(organization_id, records):
            future.result()


def test_sizes_are_measured_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run with a larger size measures only that one; both are printed, as JSON and as a table."""
    monkeypatch.setattr(growth_store, "_REPEATS", 1)
    monkeypatch.setattr(growth_store, "fill", put_records)
    monkeypatch.setattr(sys, "argv", ["growth_store", "--keep", str(tmp_path), "--sizes", "60", "--json"])
    growth_store.main()
    first = json.loads(capsys.readouterr().out)

    monkeypatch.setattr(sys, "argv", ["growth_store", "--keep", str(tmp_path), "--sizes", "240", "60"])
    growth_store.main()
    out, err = capsys.readouterr()

    (measured,) = (Measured(**one) for one in first)
    assert (measured.engine, measured.records) == ("sqlite", 60)
    assert measured.bytes_per_record > 1_000
    assert measured.insert_us > 0
    assert len(measured.queries_ms) == 9
    assert err.splitlines() == ["sqlite: 240 records"]
    assert "| sqlite | 60 | 240 | exponent |" in out
    assert f"| bytes on disk a record | {measured.bytes_per_record:,.0f} | " in out
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["sqlite-240.db", "sqlite-60.db"]
