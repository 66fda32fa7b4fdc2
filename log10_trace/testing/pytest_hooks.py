"""The hooks of the pytest plugin, and what it knows of a test while that runs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from log10_trace.testing.pytest_plugin import MARK

if TYPE_CHECKING:
    from log10_trace.models.components import Completion
    from log10_trace.testing.replaying import ActiveReplay

_OPTIONS: Final = frozenset(("path", "record", "redact", "headers", "strict"))
_MAX_NAME: Final = 120
"""Characters of a file name that is made from a test's."""


class CallsOfTest:
    """What the plugin knows of a test that runs."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.is_observed = False
        self.completions: list[Completion] = []
        self.replay: ActiveReplay | None = None
        self.error: BaseException | None = None
        """What its setup or its call ended with."""
        self.not_written: str | None = None
        """Why what was recorded was not written."""


_CALLS: Final = pytest.StashKey[CallsOfTest]()


def observe_calls(item: pytest.Item) -> CallsOfTest:
    """Observe the calls of a test until it has been torn down; what is known of them."""
    from log10_trace.testing.capturing import observe  # noqa: PLC0415 -- see the plugin's docstring

    calls = item.stash[_CALLS]
    if not calls.is_observed:
        calls.is_observed = True
        calls.completions = calls.stack.enter_context(observe())
    return calls


class Hooks:
    """The hooks of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._reports: bool = config.getoption("--log10-report")
        self._totals: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin anew, also when a test is run again; with ``--log10-report`` observe every test."""
        item.stash[_CALLS] = CallsOfTest()
        if self._reports:
            observe_calls(item)
        try:
            return (yield)
        except BaseException as error:
            item.stash[_CALLS].error = error
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the test that made a call which is not recorded, also where the exception was caught."""
        calls = item.stash.setdefault(_CALLS, CallsOfTest())
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
            item.stash.setdefault(_CALLS, CallsOfTest()).stack.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show the calls of a test that failed, and put the totals into the report of its end."""
        report = yield
        calls = item.stash.get(_CALLS, None)
        if calls is None or not calls.is_observed:
            return report
        from log10_trace.testing.report import describe_calls, sum_calls  # noqa: PLC0415 -- as above

        if report.failed and calls.completions:
            report.sections.append(("calls of the OpenAI SDK", describe_calls(calls.completions)))
        if report.when == "teardown":
            if calls.not_written:
                report.sections.append(("log10_replay at teardown", calls.not_written))
            del item.stash[_CALLS]  # what it holds is not needed any more, and the item lives to the end
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


def begin_replay(item: pytest.Item, shared: dict[str, Any]) -> ActiveReplay:
    """Serve or record the calls of a marked test from now on.

    Raises:
        Log10Error: an option or the recording cannot be used.
        TypeError: the mark has an argument that it does not take.
    """
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
    command = f"pytest {_quote(item.nodeid)} --log10-record={{mode}}"
    player = Player(path, parse_record(record), command=command, **options)
    return ActiveReplay(player, strict=strict, warn=item.warn)


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
    safe = re.sub(r"[^\w.\[\]=,-]", "_", name)
    if safe == name and len(name) <= _MAX_NAME:
        return name
    return f"{safe[:_MAX_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _quote(nodeid: str) -> str:
    return nodeid if re.fullmatch(r"[\w./:-]+", nodeid) else f'"{nodeid}"'
