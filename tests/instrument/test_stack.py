"""The stack of a record: from the program's entry to the user's own line, with its source text."""

from __future__ import annotations

import asyncio
import functools
import linecache
import os
import sys
import textwrap
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from log10_trace import instrument
from log10_trace.instrument import stack
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT, seeded
from tests.model_endpoint import Endpoint
from tests.processes import program


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as made:
        yield made


def last(kept: Kept) -> tuple[str, str, str]:
    frame = kept.records[-1]["stacktrace"][-1]
    return Path(frame["file"]).name, frame["name"], frame["line"]


def test_it_ends_at_the_users_line(client: Any, kept: Kept) -> None:
    """Outermost first, ending at the line that made the call; no frame of ours, the SDK's or HTTP's."""

    def ask() -> None:
        client.chat.completions.create(**CHAT)

    ask()

    frames = kept.one["stacktrace"]
    assert last(kept) == (Path(__file__).name, "ask", "client.chat.completions.create(**CHAT)")
    assert frames[-2]["name"] == "test_it_ends_at_the_users_line"
    assert frames[-1]["lineno"] > frames[-2]["lineno"] - 10
    parts = ("openai", "httpx", "wrapt", "log10_trace" + os.sep + "instrument")
    assert not [
        frame for frame in frames if any(f"{os.sep}{part}{os.sep}" in frame["file"] for part in parts)
    ]


@contextmanager
def untraced() -> Iterator[None]:
    """Without coverage's trace function, which fails in a file whose name cannot be encoded."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


class _BrokenLoader:
    """A loader that has no source and says so in no way that Python knows."""

    def get_source(self, _name: str) -> str:
        raise RuntimeError("no source here")


@pytest.mark.parametrize("filename", ["\ud800.py", "with \0.py", "broken.py"])
def test_a_line_that_cannot_be_read_costs_no_other(client: Any, kept: Kept, filename: str) -> None:
    """A file name that no file can have, or a loader that fails: that line is empty, the others are there."""
    source = "def ask():\n    client.chat.completions.create(**CHAT)\n"
    loader = {"__loader__": _BrokenLoader(), "__name__": "broken"} if filename == "broken.py" else {}
    names: dict[str, Any] = {"client": client, "CHAT": CHAT, **loader}
    code = compile(source, "<made>", "exec")
    inner = next(const for const in code.co_consts if isinstance(const, type(code)))
    names["ask"] = type(last)(inner.replace(co_filename=filename), names)

    with untraced():
        names["ask"]()

    *_, mine, theirs = kept.one["stacktrace"]
    assert mine["line"] == 'names["ask"]()'
    assert (theirs["file"], theirs["name"], theirs["line"], theirs["lineno"]) == (filename, "ask", "", 2)


@pytest.mark.parametrize(
    "line",
    [
        'client.chat.completions.create(**CHAT, extra_headers={"x-portkey-api-key": "abcd-efgh"})',
        'client.chat.completions.create(**CHAT, extra_headers={"Authorization": "Basic abcd-efgh"})',
        "client.chat.completions.create(**CHAT, extra_query=dict(token='abcd-efgh'))",
    ],
)
def test_a_credential_in_the_source_line_is_masked(client: Any, kept: Kept, line: str) -> None:
    """A header, a parameter or a key that is written into the line which makes the call."""
    linecache.cache["<cell 2>"] = (len(line), None, [line + "\n"], "<cell 2>")
    exec(compile(line, "<cell 2>", "exec"), {"client": client, "CHAT": CHAT})

    shown = kept.one["stacktrace"][-1]["line"]
    assert shown == line.replace("abcd-efgh", "***").replace("Basic ***", "***")


def test_two_lines_of_one_function_are_two_sites(client: Any, kept: Kept) -> None:
    """The site is known by the instruction, not by the function."""
    for _ in range(2):
        client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT)

    lines = [record["stacktrace"][-1]["lineno"] for record in kept.records]
    assert lines == [lines[0], lines[0] + 1] * 2


def test_exec_with_and_without_source(client: Any, kept: Kept) -> None:
    """Code made at run time has its line when linecache knows it, and else an empty one."""
    source = "client.chat.completions.create(**CHAT)\n"
    linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(keepends=True), "<cell 1>")
    for filename in ("<cell 1>", "<nowhere>"):
        exec(compile(source, filename, "exec"), {"client": client, "CHAT": CHAT})

    assert [record["stacktrace"][-1]["line"] for record in kept.records] == [source.strip(), ""]
    assert last(kept) == ("<nowhere>", "<module>", "")


def test_a_module_in_a_zip(client: Any, kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of a zipped module comes from its loader."""
    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("zipped_asker.py", "def ask(call):\n    return call()\n")
    monkeypatch.syspath_prepend(str(tmp_path / "lib.zip"))
    import zipped_asker  # type: ignore[import-not-found]

    zipped_asker.ask(functools.partial(client.chat.completions.create, **CHAT))

    assert last(kept) == ("zipped_asker.py", "ask", "return call()")


def test_a_library_between_is_left_out(
    client: Any, kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper library's frames do not hide the user's line; without a user's line they are what there is."""
    instrument.install(kept, threads_carry_scope=False)
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "some_helper.py").write_text("def ask(call):\n    return call()\n")
    monkeypatch.syspath_prepend(str(folder))
    import some_helper  # type: ignore[import-not-found]

    call = functools.partial(client.chat.completions.create, **CHAT)
    some_helper.ask(call)
    assert last(kept)[0] == Path(__file__).name

    thread = threading.Thread(target=some_helper.ask, args=(call,))
    thread.start()
    thread.join()
    assert kept.records[-1]["stacktrace"] == [
        {"file": str(folder / "some_helper.py"), "line": "return call()", "lineno": 2, "name": "ask"}
    ]


def test_threads_and_loops_add_nothing(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Frames of thread starters and of the event loop are left out."""

    def ask() -> None:
        client.chat.completions.create(**CHAT)

    async def main() -> None:
        await asyncio.to_thread(ask)
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as other:
            await other.chat.completions.create(**CHAT)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask).result()
    asyncio.run(main())

    names = [[frame["name"] for frame in record["stacktrace"]] for record in kept.records]
    assert names[0] == names[1] == ["ask"]
    assert names[2][-2:] == ["test_threads_and_loops_add_nothing", "main"]


def test_a_task_knows_the_line_that_made_its_call(endpoint: Endpoint, kept: Kept) -> None:
    """``create_task(client...create())`` runs on the loop; its record names the line where it was made."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as other:
            create = other.chat.completions.create
            first = asyncio.create_task(create(**seeded(1)))
            second = asyncio.create_task(create(**seeded(2)))
            await asyncio.gather(first, second, create(**seeded(3)))

    asyncio.run(main())

    lines = {record["request"]["seed"]: record["stacktrace"][-1]["line"] for record in kept.records}
    assert lines[1].startswith("first = ")
    assert lines[2].startswith("second = ")
    assert lines[3].startswith("await asyncio.gather(")


def test_deep_recursion_is_kept_whole(client: Any, kept: Kept) -> None:
    """A stack of hundreds of frames is there from end to end."""

    def deeper(left: int) -> None:
        if left:
            deeper(left - 1)
        else:
            client.chat.completions.create(**CHAT)

    deeper(300)

    assert sum(frame["name"] == "deeper" for frame in kept.one["stacktrace"]) == 301


def test_the_store_of_sites_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that makes code without end does not fill the memory with its sites."""
    monkeypatch.setattr(stack, "MAX_SITES", 10)
    sites = stack.StackCache()
    for number in range(50):
        scope: dict[str, Any] = {"sys": sys, "sites": sites}
        exec(compile("found = sites.capture(sys._getframe())", f"<made {number}>", "exec"), scope)
        assert f"<made {number}>".encode() in scope["found"]

    assert sum(map(len, sites._stacks.values())) <= 10


@pytest.mark.parametrize("how", ["-c", "file"])
def test_a_program_of_its_own(endpoint: Endpoint, tmp_path: Path, how: str) -> None:
    """A script's own line is the last, whether in a file or given on the command line."""
    source = textwrap.dedent(
        f"""
        import openai
        from log10_trace import testing
        client = openai.OpenAI(base_url={endpoint.url!r}, api_key="k")
        with testing.capture() as completions:
            client.completions.create(model="m", prompt="x")
        frames = completions[0].stacktrace
        print([(frame.name, frame.line) for frame in frames])
        """
    )
    if how == "file":
        (tmp_path / "script.py").write_text(source)
        source = f"import runpy; runpy.run_path({str(tmp_path / 'script.py')!r}, run_name='__main__')"

    done = program(tmp_path, source)

    line = 'client.completions.create(model="m", prompt="x")'
    known = how == "file" or sys.version_info >= (3, 13)
    assert done.stdout.strip().endswith(f"('<module>', {line if known else ''!r})]"), done.stderr
