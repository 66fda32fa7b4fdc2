"""The pytest plugin: the fixture ``completions``, the mark ``log10_replay``, and the report of a run.

pytest imports this module in every run of every project that has log10_trace installed. So it imports nothing
but pytest; the rest, the SDK among it, is imported by the first test that asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from log10_trace.models.components import Completion
    from log10_trace.testing.replaying import ActiveReplay

MARK: Final = "log10_replay"
_MODES: Final = ("once", "none", "new", "all")
_OPTIONS: Final = frozenset(("path", "record", "redact", "headers", "strict"))
_MAX_NAME: Final = 120
"""Characters of a file name that is made from a test's."""


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
    config.pluginmanager.register(_Hooks(config), "log10_trace_hooks")


@pytest.fixture
def completions() -> Iterator[list[Completion]]:
    """The calls of the OpenAI SDK that the test makes, in the order in which they end: Completion objects."""
    from log10_trace.testing import capture  # noqa: PLC0415 -- see the module's docstring

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

    calls = request.node.stash[_CALLS]
    try:
        calls.replay = _begin_replay(request.node, log10_replay_options)
    except (Log10Error, TypeError) as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield
        calls.not_written = calls.replay.end(calls.error)
    except Log10Error as error:
        pytest.fail(str(error), pytrace=False)
    finally:
        calls.replay.stop()


def _begin_replay(item: pytest.Item, shared: dict[str, Any]) -> ActiveReplay:
    from log10_trace.testing.player import Player, parse_record  # noqa: PLC0415 -- as above
    from log10_trace.testing.replaying import ActiveReplay  # noqa: PLC0415 -- as above

    marks = list(item.iter_markers(MARK))  # the closest first
    options = {
        **shared,
        **{name: value for mark in reversed(marks) for name, value in _read_mark(mark).items()},
    }
    asked = options.pop("record", "once")
    record = item.config.getoption("--log10-record") or asked
    strict = options.pop("strict", False)
    path = _resolve_path(item, options.pop("path", None))
    command = f"pytest {_quote(item.nodeid)} --log10-record=new (or =all, to replace all)"
    player = Player(path, parse_record(record), command=command, **options)
    return ActiveReplay(player, strict=strict)


class _TestCalls:
    """What the plugin knows of a test that runs."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.completions: list[Completion] = []
        self.replay: ActiveReplay | None = None
        self.error: BaseException | None = None
        """What its setup or its call ended with."""
        self.not_written: str | None = None
        """Why what was recorded was not written."""


_CALLS: Final = pytest.StashKey[_TestCalls]()


class _Hooks:
    """The hooks of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._reports: bool = config.getoption("--log10-report")
        self._totals: dict[str, dict[str, Any]] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Serve the calls of a marked test from its first fixture on."""
        names = getattr(item, "fixturenames", None)
        if names is not None and item.get_closest_marker(MARK) and "_log10_replay" not in names:
            names.insert(0, "_log10_replay")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Observe the calls of a test that asks for it, those of its fixtures too."""
        asks = {"_log10_replay", "completions"} & set(getattr(item, "fixturenames", ()))
        if not asks and not self._reports:
            return (yield)
        from log10_trace.testing.capturing import observe  # noqa: PLC0415 -- see the module's docstring

        calls = item.stash[_CALLS] = _TestCalls()
        calls.completions = calls.stack.enter_context(observe())
        try:
            return (yield)
        except BaseException as error:
            calls.error = error
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the test that made a call which is not recorded, also where the exception was caught."""
        calls = item.stash.get(_CALLS, None)
        if calls is None:
            return (yield)
        try:
            result = yield
        except BaseException as error:
            calls.error = error
            if calls.replay is not None:
                if error in calls.replay.player.refused:
                    _hide_frames_of_sdk(error)
                calls.replay.raise_unrecorded(error)
            raise
        if calls.replay is not None and calls.replay.player.refused:
            calls.error = calls.replay.player.refused[0]
            pytest.fail(str(calls.error), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Stop to observe."""
        try:
            return (yield)
        finally:
            calls = item.stash.get(_CALLS, None)
            if calls is not None:
                calls.stack.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show the calls of a test that failed, and put the totals into the report of its end."""
        report = yield
        calls = item.stash.get(_CALLS, None)
        if calls is None:
            return report
        from log10_trace.testing.report import describe_calls, sum_calls  # noqa: PLC0415 -- as above

        if report.failed and calls.completions:
            report.sections.append(("calls of the OpenAI SDK", describe_calls(calls.completions)))
        if report.when == "teardown":
            if calls.not_written:
                report.sections.append(("log10_replay at teardown", calls.not_written))
            if self._reports:
                served = calls.replay.player.served_count if calls.replay is not None else 0
                # An attribute of plain values: pytest-xdist sends it from the worker.
                report.__dict__["log10_trace"] = sum_calls(calls.completions, served)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the totals of a test, whichever process ran it."""
        totals = getattr(report, "log10_trace", None)
        if totals is not None:
            self._totals[report.nodeid] = totals

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the summary."""
        if not self._reports:
            return
        from log10_trace.testing.report import describe_run  # noqa: PLC0415 -- as above

        terminalreporter.section("calls of the OpenAI SDK")
        for line in describe_run(self._totals):
            terminalreporter.write_line(line)


def _hide_frames_of_sdk(error: BaseException) -> None:
    """End the traceback of an exception at the line that called the SDK: what is behind it tells nothing."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        module = trace.tb_next.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] == "openai":
            trace.tb_next = None
        trace = trace.tb_next


def _read_mark(mark: pytest.Mark) -> dict[str, Any]:
    names = ("path", "record")
    given = {**dict(zip(names, mark.args, strict=False)), **mark.kwargs}
    unknown = sorted(given.keys() - _OPTIONS)
    if unknown or len(mark.args) > len(names):
        wrong = unknown[0] if unknown else repr(mark.args[len(names)])
        raise TypeError(f"the mark {MARK} takes {', '.join(sorted(_OPTIONS))}, and not {wrong}")
    return given


def _resolve_path(item: pytest.Item, given: str | Path | None) -> Path:
    """The file of a test's recording: a folder beside the test file, in it one for the module."""
    if given is not None:
        return Path(item.path.parent, given)
    folder = item.path.parent / str(item.config.getini("log10_recordings")) / item.path.stem
    parts = item.nodeid.split("::")[1:]
    return folder / f"{_to_file_name('.'.join(parts))}.jsonl"


def _to_file_name(name: str) -> str:
    """A name for a file that differs where the names of tests do."""
    import hashlib  # noqa: PLC0415 -- only where a test is marked

    safe = re.sub(r"[^\w.\[\]=,-]", "_", name)
    if safe == name and len(name) <= _MAX_NAME:
        return name
    return f"{safe[:_MAX_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _quote(nodeid: str) -> str:
    return nodeid if re.fullmatch(r"[\w./:-]+", nodeid) else f'"{nodeid}"'
