"""Frameworks that call the OpenAI SDK, run against a fake model: recorded, exact, own line, tags.

    python tests/frameworks.py                  every framework that is installed: the table of the docs
    python tests/frameworks.py --install        installs them first, each into an environment of its own
    python tests/frameworks.py --install dspy   one of them
    python tests/frameworks.py --ci             the four of CI, in one new environment
    python tests/frameworks.py --ci --prepare FOLDER    makes that environment there, and runs nothing
    python tests/frameworks.py --ci --use FOLDER        runs the four in the environment made there

The environments stand in a folder ``log10-trace-frameworks`` of the cache, or where ``LOG10_TEST_FRAMEWORKS``
says. The programs are in ``tests/frameworks/``: one script a framework, one function an exchange; the line
that is the call site ends with ``# here``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Final

from environments import make_environment

ROOT: Final = Path(__file__).resolve().parents[1]
TIME_LIMIT_S: Final = 300
"""How long the exchanges of one framework may take before they are said to hang."""


@dataclass(frozen=True, slots=True)
class Framework:
    """What it is called, and what is installed to run its script."""

    title: str
    requirements: tuple[str, ...]


FRAMEWORKS: Final = {
    "langchain": Framework("LangChain", ("langchain", "langchain-openai")),
    "llama_index": Framework("LlamaIndex", ("llama-index-core", "llama-index-llms-openai")),
    "pydantic_ai": Framework("pydantic-ai", ("pydantic-ai-slim[openai]",)),
    "openai_agents": Framework("openai-agents", ("openai-agents",)),
    "instructor": Framework("instructor", ("instructor",)),
    "litellm": Framework("LiteLLM", ("litellm",)),
    "dspy": Framework("DSPy", ("dspy",)),
    "haystack": Framework("Haystack", ("haystack-ai",)),
    "smolagents": Framework("smolagents", ("smolagents[openai]",)),
    "magentic": Framework("magentic", ("magentic",)),
    "crewai": Framework("CrewAI", ("crewai",)),
    "autogen": Framework("AutoGen", ("autogen-agentchat", "autogen-ext[openai]")),
    "semantic_kernel": Framework("Semantic Kernel", ("semantic-kernel",)),
    "guidance": Framework("guidance", ("guidance",)),
    "mirascope": Framework("Mirascope", ("mirascope[openai]",)),
    "strands": Framework("Strands", ("strands-agents[openai]",)),
    "google_adk": Framework("google-adk", ("google-adk", "litellm")),
}
CI: Final = ("langchain", "pydantic_ai", "openai_agents", "magentic")
"""They install in seconds, and into one environment: they ask for the same version of the SDK."""

COUNTS: Final = ("calls", "recorded", "exact", "own", "scope", "tags")


def cache_folder() -> Path:
    """Where the environments stand."""
    named = os.environ.get("LOG10_TEST_FRAMEWORKS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return Path(named) if named else cache / "log10-trace-frameworks"


def python_in(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / "bin" / "python"


def install(environment: Path, *names: str) -> None:
    """Make an environment with what our package needs, and these frameworks."""
    own = [each for each in requires("log10-trace") or [] if "extra ==" not in each]
    wanted = [each for name in names for each in FRAMEWORKS[name].requirements]
    make_environment(environment, *own, *wanted)


def run(name: str, environment: Path) -> list[dict[str, Any]]:
    """What the harness says of each exchange of the framework."""
    command = [python_in(environment), ROOT / "tests" / "frameworks" / "harness.py", name]
    with tempfile.TemporaryDirectory() as home:
        variables = {**os.environ, "LOG10_HOME": home, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT_S,
            env=variables,
            cwd=home,
        )
    exchanges = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"exchange"')]
    if not exchanges or done.returncode:
        lost = dict.fromkeys(COUNTS, 0) | {"others": [], "error": done.stderr[-3000:]}
        exchanges.append({"exchange": "(the script)", **lost})
    return exchanges


def faults_of(exchange: dict[str, Any]) -> str:
    """What is not as it should be of one exchange; empty where all is."""
    calls = exchange["calls"]
    wrong = [f"{exchange[name]} of {calls} {name}" for name in COUNTS[1:] if exchange[name] != calls]
    if exchange["own"] + exchange["scope"] == calls:
        wrong = [each for each in wrong if not each.endswith(("own", "scope"))]
    if exchange["error"] or not calls:
        wrong.append(exchange["error"] or "no call reached the model")
    return "; ".join(wrong) + (f" ({', '.join(exchange['others'])})" if wrong and exchange["others"] else "")


def row(title: str, exchanges: list[dict[str, Any]]) -> str:
    """One row of the table."""
    calls, recorded, exact, own, scope, tags = (sum(each[name] for each in exchanges) for name in COUNTS)
    opened = f" + {scope} session" if scope else ""
    return f"| {title} | {calls} | {recorded} | {exact} | {own}{opened} | {tags} |"


def report(name: str, environment: Path) -> tuple[bool, list[dict[str, Any]]]:
    """Run a framework and print its row; whether all is as it should be, and its exchanges."""
    began = time.monotonic()
    exchanges = run(name, environment)
    print(row(FRAMEWORKS[name].title, exchanges), flush=True)
    wrong = {each["exchange"]: faults for each in exchanges if (faults := faults_of(each))}
    for exchange, faults in wrong.items():
        print(f"{name}, {exchange}: {faults}", file=sys.stderr)
    print(f"{name}: {len(exchanges)} exchanges, {time.monotonic() - began:.1f} s", file=sys.stderr)
    return not wrong, exchanges


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FRAMEWORKS))
    parser.add_argument("--install", action="store_true", help="install what is missing first")
    parser.add_argument("--ci", action="store_true", help="the four of CI, in one new environment")
    folders = parser.add_mutually_exclusive_group()
    folders.add_argument("--prepare", metavar="FOLDER", type=Path, help="make that of CI, run nothing")
    folders.add_argument("--use", metavar="FOLDER", type=Path, help="run in that of CI made there")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in FRAMEWORKS]:
        parser.error(f"there is no script for {', '.join(unknown)}")
    if (asked.prepare or asked.use) and not asked.ci:
        parser.error("--prepare and --use need --ci")
    return asked


def report_all(environments: dict[str, Path], *, missing_too: bool) -> int:
    """Run frameworks, each in its environment, and print the table; 1 when anything is wrong."""
    print("| | calls | recorded | exact | own line | tags |\n|---|---|---|---|---|---|", flush=True)
    results = []
    for name, environment in environments.items():
        if missing_too and not python_in(environment).exists():
            install(environment, name)
        if not python_in(environment).exists():
            command = f"python tests/frameworks.py --install {name}"
            print(f"{name}: left out, it is not installed: {command}", file=sys.stderr)
            continue
        results.append(report(name, environment))
    every = [exchange for _, exchanges in results for exchange in exchanges]
    print(row("**all**", every))
    return int(not all(fine for fine, _ in results))


def main() -> int:
    """Run what was asked for; 1 when anything is not as it should be."""
    asked = arguments()
    if asked.prepare:
        install(asked.prepare, *CI)
        return 0
    if not asked.ci:
        environments = {name: cache_folder() / name for name in asked.names or FRAMEWORKS}
        return report_all(environments, missing_too=asked.install)
    with tempfile.TemporaryDirectory() as temporary:
        environment = asked.use or Path(temporary) / "venv"
        if not asked.use:
            install(environment, *CI)
        return report_all(dict.fromkeys(asked.names or CI, environment), missing_too=False)


if __name__ == "__main__":
    sys.exit(main())
