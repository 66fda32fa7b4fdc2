"""The pytest plugin: the fixture ``completions``, the mark ``log10_replay``, and the report of a run.

pytest imports this module in every run of every project that has log10_trace installed. So it imports nothing
but pytest; the rest, the SDK among it, is imported by the first test that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from log10_trace.models.components import Completion

MARK: Final = "log10_replay"
_MODES: Final = ("once", "none", "new", "all")
_IS_SUPPORTED: Final = getattr(pytest, "version_tuple", (0,)) >= (8,)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--log10-record`` and ``--log10-report``, and the setting ``log10_recordings``."""
    group = parser.getgroup("log10_trace", "calls of the OpenAI SDK")
    group.addoption(
        "--log10-record",
        choices=_MODES,
        default=None,
        help="When tests marked log10_replay make calls and record them. once: when there is no recording "
        "yet (default); none: never; new: calls that are not recorded are made and added; all: all calls are "
        "made anew and replace the recording. Wins over the mark.",
    )
    group.addoption(
        "--log10-report",
        action="store_true",
        help="Print calls, tokens, cost and failures of the OpenAI SDK by test at the end.",
    )
    parser.addini("log10_recordings", "Folder of recordings beside each test file.", default="recordings")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark and the hooks."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(path=None, record='once', redact=None, headers=(), strict=False): serve the calls of the "
        "OpenAI SDK from a recording; make and record them where there is none.",
    )
    if _IS_SUPPORTED:
        from log10_trace.testing.pytest_hooks import Hooks  # noqa: PLC0415 -- older versions cannot load it

        config.pluginmanager.register(Hooks(config), "log10_trace_hooks")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Serve the calls of each test with the mark from its first fixture on."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is None or item.get_closest_marker(MARK) is None:
            continue
        if not _IS_SUPPORTED:
            raise pytest.UsageError(f"{item.nodeid}: the mark {MARK} needs pytest 8 or later")
        if "_log10_replay" not in names:
            names.insert(0, "_log10_replay")


@pytest.fixture
def completions(request: pytest.FixtureRequest) -> Iterator[list[Completion]]:
    """The calls of the OpenAI SDK that the test makes, in the order in which they end: Completion objects."""
    from log10_trace.testing import capture  # noqa: PLC0415 -- see the module's docstring
    from log10_trace.testing.pytest_hooks import observe_calls  # noqa: PLC0415 -- as above

    observe_calls(request.node)
    with capture() as records:
        yield records


@pytest.fixture(scope="session")
def log10_replay_options() -> dict[str, Any]:
    """Arguments of every ``log10_replay`` mark; override it in a conftest.py. A mark's own arguments win."""
    return {}


@pytest.fixture
def _log10_replay(request: pytest.FixtureRequest, log10_replay_options: dict[str, Any]) -> Iterator[None]:
    """Put in front of the fixtures of a test with the mark: its calls are served or recorded."""
    from log10_trace.errors import Log10Error  # noqa: PLC0415 -- see the module's docstring
    from log10_trace.testing.pytest_hooks import begin_replay, observe_calls  # noqa: PLC0415 -- as above

    calls = observe_calls(request.node)
    try:
        replay = calls.replay = begin_replay(request.node, log10_replay_options)
    except (Log10Error, TypeError) as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield
        calls.not_written = replay.end(calls.error)
    except Log10Error as error:
        pytest.fail(str(error), pytrace=False)
    finally:
        replay.stop()
