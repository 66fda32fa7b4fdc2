"""What every test stands on: a LOG10_HOME of its own, and no setting of the developer's."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, settings

import log10_trace
from log10_trace.config import OPTIONS
from log10_trace.export.delivery import delivery
from log10_trace.guard import logger
from tests.processes import PATIENT
from tests.repeat_failed import pytest_sessionfinish  # noqa: F401 -- a hook
from tests.rounds import IS_THOROUGH

# How long an example takes says more about the machine than about us. Each run has the same examples.
settings.register_profile(
    "log10_trace",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not IS_THOROUGH,
)
settings.load_profile("log10_trace")

# Each of the thousands of processes that tests start would compile the package for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts jobs in the background deaf to Ctrl-C, and the processes that tests start inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Have xdist hand out the files in the order that ``pytest_collection_modifyitems`` gives them."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave modules and tests out of garbage collection: they live as long as the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files first that take long: at the end, one worker would run while the others wait.

    Those are the files with slow tests, then those with the most tests.
    """
    slow = {item.path for item in items if any(map(item.get_closest_marker, ("slow", "promises")))}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, item.path not in slow and -tests[item.path]))


@pytest.fixture(scope="session", autouse=True)
def few_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Clients of the tests and of their processes trust one authority: to read them all takes 25 ms each."""
    every = Path(certifi.where()).read_text(encoding="utf-8")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    file = tmp_path_factory.mktemp("certificates") / "one.pem"
    file.write_text(every[every.index(begin) : every.index(end) + len(end)] + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture(autouse=True)
def private_home(unchanged_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A LOG10_HOME for this test alone, and no LOG10_ setting from outside."""
    for name in [option.env for option in OPTIONS if option.env] + ["OPENAI_BASE_URL", "OPENAI_API_KEY"]:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "log10"
    monkeypatch.setenv("LOG10_HOME", str(home))
    assert os.environ["LOG10_HOME"] == str(home)
    return home


@pytest.fixture
def patient_ends(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that the test starts are ``PATIENT``, and so are the deliveries of this process."""
    monkeypatch.setattr(delivery, "NO_PROGRESS_TIMEOUT_S", 60.0)
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def unchanged_process() -> Iterator[None]:
    """A test leaves its process as it found it: which tests share a process is decided by chance."""
    before = _process_settings()
    yield
    assert _process_settings() == before


def _process_settings() -> dict[str, object]:
    """What is set once for the whole process, and heard by every later test."""
    return {
        "handlers": (*logger.handlers, *logger.filters),
        "level": logger.level,
        "propagate": logger.propagate,
        "raiseExceptions": logging.raiseExceptions,
        "switch interval": sys.getswitchinterval(),
        "gc threshold": gc.get_threshold(),
        "gc": gc.isenabled(),
        "SIGINT": signal.getsignal(signal.SIGINT),
        "SIGTERM": signal.getsignal(signal.SIGTERM),
        "directory": Path.cwd(),
        # A flush waits for every record of the process, also for those of earlier settings.
        "pending": log10_trace.stats().pending,
    }
