"""A coding agent's session: questions about a program that made real calls, answered over the protocol."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client

from tests.cli.conftest import Cli
from tests.mcp.conftest import Asked, read_result, run_with, stdio_client_of
from tests.model_answers import chat
from tests.model_endpoint import error_answer, json_answer, model_endpoint
from tests.processes import DEADLINE_S

PROGRAM: Final = """\
import log10_trace
import openai

log10_trace.patch()
client = openai.OpenAI(max_retries=0)


def ask(*messages, temperature):
    roles = ("user", "assistant")
    turns = [{"role": roles[at % 2], "content": content} for at, content in enumerate(messages)]
    return client.chat.completions.create(model="gpt-4o-mini", messages=turns, temperature=temperature)


with log10_trace.session():
    tent = ask("Which tent for Scotland?", temperature=0.2).choices[0].message.content
    ask("Which tent for Scotland?", tent, "And in November?", temperature=0.2)
ask("Which tent for Norway?", temperature=0.9)
try:
    ask("Sort my mail.", temperature=0.2)  # the line that fails
except openai.RateLimitError:
    pass
assert log10_trace.flush(60)
"""
FAILING: Final = next(number for number, line in enumerate(PROGRAM.splitlines(), 1) if "# the line" in line)


@pytest.fixture
def program(cli: Cli, tmp_path: Path) -> Path:
    """The file of a program that has made four calls with the real SDK: one of them failed."""
    file = tmp_path / "shop.py"
    file.write_text(PROGRAM)
    with model_endpoint() as endpoint:
        endpoint.script(
            json_answer(chat("Take the Larch 2 in summer.")),
            json_answer(chat("Take the Larch 4S in winter. A heron may visit.")),
            json_answer(chat("Take the Larch 3.")),
            error_answer(429, "Limit 200000, used 199613."),
        )
        variables = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-none", "PYTHONWARNINGS": ""}
        done = subprocess.run(
            [sys.executable, str(file)],
            env={**cli.environ, **variables},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return file


def test_an_agent_answers_the_questions_of_the_page(cli: Cli, program: Path) -> None:
    """Which calls failed and from which line; what changed; a session as a story; where a word was said."""

    async def do(client: Client) -> dict[str, Any]:
        async def ask(tool: str, **arguments: Any) -> Asked:
            asked = read_result(await client.call_tool(tool, arguments))
            assert not asked.is_error, asked.text
            return asked

        failed = await ask("search_calls", status="failed", since="12h")
        (row,) = failed.recorded["calls"]
        why = await ask("get_call", id=row["id"])
        said = await ask("search_calls", q="heron in:response")
        (heron,) = said.recorded["calls"]
        story = await ask("get_session", id=heron["session_id"])
        first, second = (step["id"] for step in story.recorded["story"])
        return {
            "failed": failed,
            "why": why,
            "said": said,
            "story": story,
            "changed": await ask("compare_calls", a=first, b=second),
            "costs": await ask("get_statistics", by="call_site", since="7d"),
        }

    found = run_with(stdio_client_of(cli), do)

    assert found["failed"].text.startswith("1 call matches;")
    why = found["why"].recorded
    assert why["failure"].startswith("RateLimitError: ")
    assert "Limit 200000, used 199613." in why["failure"]
    line = f"{program}:{FAILING} in <module>: ask("
    assert any(frame.startswith(line) for frame in why["stack"])
    assert why["failing_line"].startswith(f"{program}:11 in ask: return client.chat.completions.create(")
    assert why["parameters"] == {"temperature": "0.2"}
    assert "answers" not in why
    (passage,) = found["said"].recorded["calls"][0]["found_in"]
    assert passage == {"field": "response", "passage": "Take the Larch 4S in winter. A heron may visit."}
    asked, then = found["story"].recorded["story"]
    assert [each["text"] for each in asked["said"]] == [
        "Which tent for Scotland?",
        "Take the Larch 2 in summer.",
    ]
    assert then["messages_sent_again"] == 2
    assert then["said"][0]["text"] == "And in November?"
    changed = found["changed"].recorded
    assert changed["answers"]["changes"][0]["change"].startswith("Take the Larch [-2-]{+4S+} in ")
    assert [row["calls"] for row in found["costs"].recorded["groups"]] == [4]
    for asked in found.values():
        assert f"Page: {cli.url}/" in asked.text.splitlines()[-1]
