"""How a store grows: bytes, inserts and queries at several sizes, and the exponent of each. Prints a table.

    python -m benchmarks.growth_store                       # SQLite: 10,000, 30,000 and 100,000 records
    python -m benchmarks.growth_store --engines sqlite postgres clickhouse
    python -m benchmarks.growth_store --keep ~/growth --sizes 100000 1000000 3000000
    python -m benchmarks.growth_store --keep ~/growth --json

Each size is a database of its own, of so many calls in the last 30 days. With --keep the databases and what
was measured of each stay: a run that was stopped goes on, and a larger size is added to the others. Times are
of the processor, with that of the database's own processes, so that what else the machine does counts little.
An exponent is the slope of the logarithms: 1 grows as the records do, 0 does not grow.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.kept_postgres import cluster_cpu_s, kept_database
from benchmarks.records import DAYS, Maker
from benchmarks.seed_database import fill
from benchmarks.server import ORGANIZATION
from log10_trace.domain.completion_record import parse
from log10_trace.domain.times import DAY_MS, parse_rfc3339_ms
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, Interval, StatisticsQuery
from log10_trace.server.store.protocol import Store

_REPEATS = 15
_INSERTED = 2_000
"""Records that are inserted into a filled database to see what one takes; a fifth of fewer."""
_BATCH = 100
_FILLED_AT_ONCE = 5_000
_PAGE = 50
_MIDDLING = 500
"""The rank of a word that one of some hundred records has."""
_SEARCHABLE_S = 3_600


@dataclass(frozen=True)
class Opened:
    """A filled database, and the processor time that its own processes have used so far, in seconds."""

    url: str
    database_cpu_s: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured at one size of an engine."""

    engine: str
    records: int
    bytes_per_record: float
    insert_us: float
    """Processor time of one more record, in batches, its words indexed."""
    queries_ms: dict[str, float]
    """Processor time of each query."""
    day: str
    python: str


@contextmanager
def _sqlite(folder: Path, maker: Maker, size: int) -> Iterator[Opened]:
    path = folder / f"sqlite-{size}.db"
    fill(str(path), maker, size, ORGANIZATION)
    yield Opened(str(path), lambda: 0.0)


@contextmanager
def _postgres(folder: Path, _maker: Maker, size: int) -> Iterator[Opened]:
    with kept_database(folder / "postgres", size) as (cluster, url):
        yield Opened(url, lambda: cluster_cpu_s(cluster))


@contextmanager
def _clickhouse(folder: Path, maker: Maker, size: int) -> Iterator[Opened]:
    """The engine in this process (``pip install chdb``), so that its processor time is this process's."""
    path = folder.resolve() / f"clickhouse-{size}"
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        with closing(open_store(f"chdb://{unfinished}")) as store:
            for at in range(0, size, _FILLED_AT_ONCE):
                _put(store, maker.lines(at, min(_FILLED_AT_ONCE, size - at)))
        unfinished.rename(path)
    yield Opened(f"chdb://{path}", lambda: 0.0)


ENGINES = {"sqlite": _sqlite, "postgres": _postgres, "clickhouse": _clickhouse}
"""Each opens a filled database of a size in a folder, and fills it first where it is missing."""


def measure(engine: str, folder: Path, size: int) -> Measured:
    """Measure one size of an engine; its database is filled in ``folder`` where it is missing."""
    maker = Maker(size)
    with ENGINES[engine](folder, maker, size) as opened, closing(open_store(opened.url)) as store:
        assert store.maintenance.wait_until_searchable(_SEARCHABLE_S)
        used = store.maintenance.health().bytes
        calls = store.completions.count(ORGANIZATION, CompletionFilter()).calls
        queries = {
            name: _query_ms(opened, ask) for name, ask in _queries(store, maker.word(_MIDDLING)).items()
        }
        return Measured(
            engine=engine,
            records=size,
            bytes_per_record=used / calls,
            insert_us=_insert_us(opened, store, maker, size),
            queries_ms=queries,
            day=time.strftime("%Y-%m-%d"),
            python=platform.python_version(),
        )


def _queries(store: Store, word: str) -> dict[str, Callable[[], object]]:
    """What is asked, by name; spans end with the newest record, whenever that was made."""
    completions, reports = store.completions, store.reports
    page = completions.page(ORGANIZATION, CompletionFilter(), limit=_PAGE)
    newest_ms = parse_rfc3339_ms(json.loads(page.items[0].fields["created_at"]))
    assert newest_ms is not None

    def page_of(wanted: CompletionFilter) -> Callable[[], object]:
        return lambda: completions.page(ORGANIZATION, wanted, limit=_PAGE)

    def statistics(group: str, interval: Interval) -> Callable[[], object]:
        since_ms = newest_ms - DAYS * DAY_MS
        query = StatisticsQuery(group_by=group, interval=interval, since_ms=since_ms)
        return lambda: reports.statistics(ORGANIZATION, query)

    return {
        "list": page_of(CompletionFilter()),
        "list of a rare tag": page_of(CompletionFilter(tags=("customer-7",))),
        "list of failed calls": page_of(CompletionFilter(status="failed")),
        "search of a word": page_of(CompletionFilter(text=word)),
        "search of a word and a rare tag": page_of(CompletionFilter(text=word, tags=("customer-7",))),
        "by id": lambda: completions.get(ORGANIZATION, page.items[-1].id),
        "statistics of 30 days by day": statistics("none", "day"),
        "statistics of 30 days by tag and hour": statistics("tag", "hour"),
        "sessions": lambda: store.sessions.page(ORGANIZATION, limit=_PAGE),
    }


def _query_ms(opened: Opened, ask: Callable[[], object]) -> float:
    ask()  # reads what the next ones find in memory
    before = _cpu_s(opened)
    for _ in range(_REPEATS):
        ask()
    return (_cpu_s(opened) - before) / _REPEATS * 1_000


def _insert_us(opened: Opened, store: Store, maker: Maker, size: int) -> float:
    count = min(_INSERTED, size // 5)
    lines = list(maker.lines(size - count, count))  # at the times of the last ones, as a server's come in
    before = _cpu_s(opened)
    for at in range(0, count, _BATCH):
        _put(store, lines[at : at + _BATCH])
    assert store.maintenance.wait_until_searchable(_SEARCHABLE_S)
    return (_cpu_s(opened) - before) / count * 1_000_000


def _put(store: Store, lines: Iterable[str]) -> None:
    for future in store.completions.put_many(ORGANIZATION, list(map(parse, lines))):
        future.result()


def _cpu_s(opened: Opened) -> float:
    return time.process_time() + opened.database_cpu_s()


def fit_exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """The slope of a line through the logarithms, by least squares; None with fewer than two sizes."""
    points = [
        (math.log(size), math.log(value)) for size, value in zip(sizes, values, strict=True) if value > 0
    ]
    middle = sum(x for x, _ in points) / max(len(points), 1), sum(y for _, y in points) / max(len(points), 1)
    spread = sum((x - middle[0]) ** 2 for x, _ in points)
    if not spread:
        return None
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / spread


def figures(measured: Sequence[Measured]) -> dict[str, tuple[list[float], float | None]]:
    """Of one engine: each figure at every size, and its exponent."""
    sizes = [one.records for one in measured]
    rows = {
        "bytes on disk a record": [one.bytes_per_record for one in measured],
        "insert, \u00b5s of CPU": [one.insert_us for one in measured],
        **{
            f"{name}, ms of CPU": [one.queries_ms[name] for one in measured]
            for name in measured[0].queries_ms
        },
    }
    return {name: (values, fit_exponent(sizes, values)) for name, values in rows.items()}


def print_table(measured: Sequence[Measured]) -> None:
    """Print what was measured of one engine, a column for each size."""
    titles = [f"{one.records:,}" for one in measured]
    print(f"| {measured[0].engine} | {' | '.join(titles)} | exponent |")
    print("|---" * (len(titles) + 2) + "|")
    for name, (values, exponent) in figures(measured).items():
        shown = " | ".join(f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values)  # noqa: PLR2004
        print(f"| {name} | {shown} | {'' if exponent is None else f'{exponent:.2f}'} |")


class Results:
    """What was measured, kept in a file of the folder after each size."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "measured.json"
        self._all: dict[str, Measured] = {}
        if self._file.exists():
            kept = [Measured(**one) for one in json.loads(self._file.read_text())]
            self._all = {_key(one.engine, one.records): one for one in kept}

    def find(self, engine: str, size: int) -> Measured | None:
        """What was measured before."""
        return self._all.get(_key(engine, size))

    def keep(self, measured: Measured) -> None:
        """Keep it, in place of what was measured before."""
        self._all[_key(measured.engine, measured.records)] = measured
        unfinished = self._file.with_name(f"{self._file.name}.unfinished")
        unfinished.write_text(json.dumps([asdict(one) for one in self._all.values()], indent=1))
        unfinished.replace(self._file)


def _key(engine: str, size: int) -> str:
    return f"{engine} {size}"


def run(
    engines: Sequence[str], sizes: Sequence[int], folder: Path, *, again: bool = False
) -> list[list[Measured]]:
    """Measure what is not measured in the folder yet, or all of it ``again``; by engine, then by size."""
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder)
    for engine in engines:
        for size in sorted(set(sizes)):
            if again or results.find(engine, size) is None:
                print(f"{engine}: {size:,} records", file=sys.stderr, flush=True)
                results.keep(measure(engine, folder, size))
    return [[one for size in sorted(set(sizes)) if (one := results.find(engine, size))] for engine in engines]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000], metavar="RECORDS")
    parser.add_argument("--engines", nargs="+", default=["sqlite"], choices=sorted(ENGINES))
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the databases and the figures there"
    )
    parser.add_argument("--again", action="store_true", help="measure kept databases once more")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = run(asked.engines, asked.sizes, asked.keep or Path(temporary), again=asked.again)
    if asked.json:
        print(json.dumps([asdict(one) for measured in found for one in measured], indent=1))
        return
    print(f"{time.strftime('%-d %B %Y')}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    for measured in found:
        print_table(measured)
        print()


if __name__ == "__main__":
    main()
