"""What recording takes of the memory of a program: at rest, and in an outage. Prints Markdown.

    python benchmarks/memory.py [--records 20000]

Each row is the proportional set size (PSS) of a program of its own, after a collection of garbage: what it
shares with other programs counts in part. Beyond the SDK's is what the recording program has more.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from openai import OpenAI, __version__

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import log10_trace  # noqa: E402
from benchmarks.delivery import call  # noqa: E402
from benchmarks.endpoints import endpoints  # noqa: E402
from benchmarks.process_memory import pss_mb  # noqa: E402
from benchmarks.workloads import SMALL  # noqa: E402
from log10_trace.config import resolve  # noqa: E402
from log10_trace.export import Delivery  # noqa: E402

_CALLS: Final = 20
_NOWHERE: Final = "http://127.0.0.1:9"
_STEPS: Final = 5


def _say_memory() -> None:
    gc.collect()
    print(f"{pss_mb(os.getpid()):.1f}", flush=True)


def rest(url: str, *, recorded: bool) -> None:
    """Say what a program takes that has made some calls and waits."""
    if recorded:
        log10_trace.patch(url=url, token="benchmark")
    with OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        for _ in range(_CALLS):
            client.chat.completions.create(model="benchmark", messages=SMALL)
        log10_trace.flush(60.0)
        _say_memory()


def outage(spool: str, records: int) -> None:
    """Say what a program takes whose records wait: a fifth of them, two fifths, and so on."""
    delivery = Delivery(resolve({"url": _NOWHERE, "spool_dir": spool, "flush_interval": 0.5}))
    for at in range(_STEPS + 1):
        for _ in range(records // _STEPS if at else 1):
            delivery.sink.on_end(call())
        _say_memory()
    os._exit(0)


def _ask(*words: str) -> list[float]:
    """What a program of this file says."""
    with tempfile.TemporaryDirectory() as home:
        variables = {"PATH": os.environ["PATH"], "HOME": home, "LOG10_HOME": home}
        command = [sys.executable, str(Path(__file__).resolve()), *words]
        ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return [float(line) for line in ended.stdout.split()]


def main() -> None:
    """Print the tables, or be one of the programs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="records of the outage")
    parser.add_argument("program", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    match asked.program:
        case ["rest", url, how]:
            rest(url, recorded=how == "recorded")
        case ["outage", spool, records]:
            outage(spool, int(records))
        case _:
            _print_tables(asked.records)


def _print_tables(records: int) -> None:
    print(f"openai {__version__}, Python {sys.version.split()[0]}: PSS in MB\n")
    with endpoints() as url:
        (bare,), (recorded,) = _ask("rest", url, "bare"), _ask("rest", url, "recorded")
    print("| at rest | MB |\n|---|---|")
    print(f"| the SDK alone | {bare:.1f} |\n| recorded | {recorded:.1f} |")
    print(f"| beyond the SDK's | {recorded - bare:.1f} |\n")
    with tempfile.TemporaryDirectory() as spool:
        waiting = _ask("outage", spool, str(records))
    print("| records that wait in an outage | MB |\n|---|---|")
    for at, memory in enumerate(waiting):
        print(f"| {records * at // _STEPS:,} | {memory:.1f} |")


if __name__ == "__main__":
    main()
