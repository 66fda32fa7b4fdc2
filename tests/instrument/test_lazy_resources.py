"""Parts of the SDK that it loads with their first use are not loaded by us, and patched when they are."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from tests.model_endpoint import Endpoint
from tests.processes import program

LAZY = """
import asyncio, os, sys
import openai
RESOURCES = ("chat.completions", "responses", "completions")
loaded = lambda: [name for name in RESOURCES if "openai.resources." + name in sys.modules]
before = loaded()
import log10_trace
from log10_trace import instrument
from tests.instrument.conftest import Kept
"""

IMPORTS_NOTHING = f"""{LAZY}
instrument.install(Kept())
print(before == loaded(), before)
"""


@pytest.mark.skipif(int(openai.__version__.split(".")[0]) < 2, reason="it loads everything at once")
def test_installing_loads_no_part_of_the_sdk(private_home: Path) -> None:
    """What the program never uses is never loaded: it is a third of a second of work."""
    ended = program(private_home, IMPORTS_NOTHING)

    assert (ended.stdout.strip(), ended.stderr) == ("True []", "")


CALL_SITE = f"""{LAZY}
kept = Kept()
{{before_import}}
async def main():
    client = openai.AsyncOpenAI(base_url=os.environ["BASE_URL"], api_key="k")
    made = client.chat.completions.create(model="m", messages=[])
    async def later():
        await made
    await asyncio.create_task(later())
    await client.close()

{{after_import}}
asyncio.run(main())
instrument.uninstall()
from openai.resources.chat.completions import AsyncCompletions
print(kept.one["stacktrace"][-1]["name"], hasattr(vars(AsyncCompletions)["create"], "_self_place"))
"""


@pytest.mark.parametrize(
    ("before_import", "after_import"),
    [
        ("instrument.install(kept)", ""),
        ("import openai.resources.chat.completions", "instrument.install(kept)"),
        ("instrument.install(Kept()); instrument.uninstall(); instrument.install(kept)", ""),
    ],
    ids=["before", "after", "again"],
)
def test_the_call_site_of_a_coroutine_is_noted_whenever_its_resource_is_loaded(
    before_import: str, after_import: str, private_home: Path, endpoint: Endpoint
) -> None:
    """The method that makes it is wrapped when its module is imported, and restored like any other."""
    source = CALL_SITE.format(before_import=before_import, after_import=after_import)
    ended = program(private_home, source, BASE_URL=endpoint.url)

    assert (ended.stdout.strip(), ended.stderr) == ("main False", "")


UNINSTALLED = f"""{LAZY}
instrument.install(Kept())
instrument.uninstall()
from openai.resources.chat.completions import AsyncCompletions
from openai import AsyncOpenAI
print(type(vars(AsyncCompletions)["create"]).__name__, "request" in vars(AsyncOpenAI))
"""


def test_a_resource_that_is_loaded_after_uninstall_is_left_alone(private_home: Path) -> None:
    """The hook stays where it is, and does nothing."""
    ended = program(private_home, UNINSTALLED)

    assert (ended.stdout.strip(), ended.stderr) == ("function False", "")
