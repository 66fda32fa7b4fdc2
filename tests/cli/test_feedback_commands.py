"""``sessions``, ``stats``, ``feedback-task``, ``feedback`` as processes; the grading loop on a terminal."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from log10_trace.cli.column_widths import fit_columns
from log10_trace.cli.feedback.grade import iterate_ungraded, wait_for_key
from log10_trace.cli.output import moment_of, relative_time
from log10_trace.cli.schema import form_fields
from log10_trace.models.components import FeedbackTask
from tests.cli.conftest import Cli

Calls = list[dict[str, Any]]

SCHEMA = {
    "type": "object",
    "properties": {
        "tone": {"enum": ["good", "bad"], "description": "How does it sound?"},
        "right": {"type": "boolean"},
        "score": {"type": "integer", "minimum": 0, "maximum": 5},
        "note": {"type": "string"},
    },
    "required": ["tone"],
}


def made_task(cli: Cli) -> str:
    words = ["--name", "tone", "--schema", json.dumps(SCHEMA), "--tag", "even", "--instruction", "Judge it."]
    return cli.text("feedback-task", "create", *words).strip()


def test_sessions_are_listed_with_their_counts(cli: Cli, calls: Calls) -> None:
    """Every session has its calls, tokens and the time of its last call."""
    rows = cli.rows("sessions", "list", "--json")
    assert cli.rows("sessions", "list", "--json", "--tag", "no-such-tag") == []
    assert cli.rows("sessions", "list", "--json", "--since", "2000-01-01", "--until", "2000-01-02") == []
    assert cli.rows("sessions", "list", "--json", "-q", "nobody-said-this") == []

    assert [row["id"] for row in rows] == ["session-2", "session-1", "session-0"]
    assert [row["calls"] for row in rows] == [2, 2, 2]
    assert cli.text("sessions", "list").splitlines()[0].split("\t")[0] == "session-2"
    assert "LAST CALL" in cli.screen("sessions", "list").text


def test_session_shows_its_calls_in_order(cli: Cli, calls: Calls) -> None:
    """A session is shown as its calls, the oldest first."""
    done = cli.run("sessions", "show", "session-1", "--columns", "request")

    assert done.stdout == b"question 1\nquestion 4\n"
    assert done.stderr.startswith(b"Session session-1: 2 calls")


def test_stats_are_grouped(cli: Cli, calls: Calls) -> None:
    """Figures come by group and over time, of what a filter matches, in any order."""
    (by_model,) = cli.rows("stats", "--json")
    by_tag = cli.rows("stats", "--by", "tag", "--json")
    over_days = cli.rows("stats", "--over", "day", "--since", "2026-01-01", "--by", "none", "--json")

    assert (by_model["key"], by_model["calls"], by_model["input_tokens"]) == ("gpt-4o-mini", 6, 60)
    assert {row["key"]: row["calls"] for row in by_tag} == {"even": 3, "odd": 3}
    assert [(row["start"][:10], row["calls"]) for row in over_days] == [("2026-01-01", 6)]
    assert "P95" in cli.screen("stats").text

    of_even = cli.rows("stats", "--by", "session", "--sort", "key", "--tag", "even", "--json")
    assert sum(row["calls"] for row in of_even) == 3
    assert [row["key"] for row in of_even] == sorted(row["key"] for row in of_even)


def test_a_span_of_one_day_is_that_day_everywhere(cli: Cli, calls: Calls) -> None:
    """From a day to the same day counts, lists and exports its calls, and those of no other day."""
    day = ("--from", "2026-01-01", "--to", "2026-01-01")
    before = ("--from", "2025-12-31", "--to", "2025-12-31")

    assert [row["calls"] for row in cli.rows("stats", *day, "--json", TZ="UTC")] == [6]
    assert cli.rows("stats", *before, "--json", TZ="UTC") == []
    assert len(cli.rows("sessions", "list", *day, "--json", TZ="UTC")) == 3
    assert cli.rows("sessions", "list", *before, "--json", TZ="UTC") == []
    assert len(cli.rows("completions", "export", *day, TZ="UTC")) == 6
    # In New York these calls were made the evening before.
    assert len(cli.rows("completions", "export", *before, TZ="America/New_York")) == 6


def test_task_is_made_listed_and_shown(cli: Cli, tmp_path: Path) -> None:
    """A task comes from a schema on the command line or in a file, and is found again."""
    first = made_task(cli)
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    second = cli.text("feedback-task", "create", "--name", "other", "--task_schema", f"@{file}").strip()

    listed = cli.rows("feedback-task", "list", "--json")

    assert [task["id"] for task in listed] == [first, second]
    assert json.loads(cli.text("feedback-task", "get", "--id", first))["json_schema"] == SCHEMA
    assert "tone, right, score, note" in cli.text("feedback-task", "list", "--limit", "1")


def test_feedback_is_given_and_found(cli: Cli, calls: Calls, tmp_path: Path) -> None:
    """Feedback is given by id or by tag, listed by task and by condition, and downloaded."""
    task = made_task(cli)
    words = ("feedback", "create", "--task", task, "--json")
    (bad,) = cli.rows(*words, "--values", '{"tone":"bad","score":1}', "--completion", calls[0]["id"])
    (good,) = cli.rows(*words, "--values", '{"tone":"good","score":5}', "--tag", "odd", "--comment", "nice")

    low = cli.rows("feedback", "list", "--task_id", task, "--filter", "Score <= 3", "--json")
    downloaded = tmp_path / "feedback.jsonl"
    cli.run("feedback", "download", "--task_id", task, "--file", str(downloaded))

    assert bad["matched_completion_ids"] == [calls[0]["id"]]
    assert sorted(good["matched_completion_ids"]) == [call["id"] for call in calls if call["tags"] == ["odd"]]
    assert [feedback["id"] for feedback in low] == [bad["id"]]
    assert json.loads(cli.text("feedback", "get", good["id"]))["comment"] == "nice"
    assert [json.loads(line)["id"] for line in downloaded.read_text().splitlines()] == [good["id"], bad["id"]]
    assert '"tone": "good"' in cli.text("feedback", "list", "--limit", "1")


def test_feedback_that_breaks_the_schema_is_refused(cli: Cli, calls: Calls) -> None:
    """Values that the task's schema does not allow are refused by the server: 4."""
    task = made_task(cli)

    done = cli.run(
        "feedback", "create", "--task", task, "--values", '{"tone":"odd"}', "--completion", calls[0]["id"]
    )

    assert done.returncode == 4
    assert b"Traceback" not in done.stderr


def test_everything_that_waits_is_reached_by_skipping(cli: Cli) -> None:
    """More calls than a page holds come one after another, each once, and then those that came meanwhile."""
    task = cli.text("feedback-task", "create", "--name", "t", "--schema", "{}", "--tag", "waits").strip()
    with cli.client() as client:
        many = [{"id": f"w{n:03}", "status": "finished", "tags": ["waits"]} for n in range(120)]
        client.completions.batch(completions=many)
        calls = iterate_ungraded(client, task)
        first = next(calls)
        client.completions.batch(completions=[{"id": "late", "status": "finished", "tags": ["waits"]}])
        rest = [call.id for call in calls]

    assert sorted(filter(None, [first.id, *rest])) == sorted(["late", *(call["id"] for call in many)])
    assert rest[-1] == "late"


def test_grading_goes_through_what_waits(cli: Cli, calls: Calls) -> None:
    """The loop shows each waiting call, takes single keys for choices, skips on s and ends on q."""
    task = made_task(cli)
    # What is pressed, by what was shown before: one call is graded, one skipped, at the third the loop ends.
    keys = {"1 good": "1", "y yes": "y", "5 5": "4", "> ": "fine\n", "2 bad": "s", "2 bad ": "q"}

    screen = cli.screen("feedback", "grade", "--task", task, keys=keys)

    (given,) = cli.rows("feedback", "list", "--json")
    assert screen.returncode == 0
    assert given["json_values"] == {"tone": "good", "right": True, "score": 4, "note": "fine"}
    assert "Judge it." in screen.text
    assert "1 graded." in screen.text


def test_grading_ends_on_ctrl_c(cli: Cli, calls: Calls) -> None:
    """Ctrl-C in the loop ends it with 130; what was graded before is kept."""
    task = made_task(cli)

    screen = cli.screen("feedback", "grade", "--task", task, until="1 good")

    assert screen.returncode == 130
    assert "Traceback" not in screen.text


def test_ctrl_c_is_heard_when_it_interrupts_no_read() -> None:
    """A signal that another thread receives, so that the wait for a key is not woken, still ends the wait."""
    keyboard, unused = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    presser = threading.Thread(target=_interrupt_the_wait, args=[threading.get_ident()])
    presser.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            wait_for_key(keyboard)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        presser.join()
        os.close(keyboard)
        os.close(unused)


def _interrupt_the_wait(waiting: int) -> None:
    while sys._current_frames()[waiting].f_code.co_name != wait_for_key.__name__:
        os.sched_yield()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.mark.parametrize(
    ("about", "choices"),
    [
        ({"type": "boolean"}, {"y": True, "n": False}),
        ({"type": "integer", "minimum": 1, "maximum": 3}, {"1": 1, "2": 2, "3": 3}),
        ({"type": "integer", "minimum": 1, "maximum": 10}, None),
        ({"enum": ["a", None, 3]}, {"1": "a", "2": None, "3": 3}),
        ({"type": "string"}, None),
    ],
)
def test_choices_have_keys(about: dict[str, Any], choices: dict[str, Any] | None) -> None:
    """A property with few possible values is answered with one key; others are typed."""
    (question,) = form_fields(FeedbackTask(json_schema={"properties": {"x": about}}))

    assert question.choices == choices


@pytest.mark.parametrize(
    ("natural", "flexible", "width", "expected"),
    [
        ([36, 6, 80], [False, False, True], 100, [36, 6, 54]),
        ([36, 6, 10], [False, False, True], 100, [36, 6, 10]),
        ([36, 10, 80], [False, True, True], 80, [36, 10, 30]),
        ([36, 10, 80], [False, True, True], 46, [36, 8, 0]),
        ([36, 10, 80], [False, True, True], 40, [36, 0, 0]),
        ([36, 10], [False, False], 40, [36, 0]),
    ],
)
def test_columns_are_fitted(
    natural: list[int], flexible: list[bool], width: int, expected: list[int]
) -> None:
    """Columns that must be whole are, flexible ones share the rest, and what has no room goes."""
    assert fit_columns(natural, flexible, width) == expected


def test_ages_are_short() -> None:
    """A time is shown as how long ago it was, in one unit."""
    now = moment_of("2026-01-02T00:00:00Z")

    ages = [
        relative_time(moment_of(text), now)
        for text in ("2026-01-01T23:59:58Z", "2026-01-01T21:00:00Z", "nonsense")
    ]

    assert ages == ["2s ago", "3h ago", ""]
