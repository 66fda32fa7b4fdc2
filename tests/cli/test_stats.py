"""``log10-trace stats``: its order, its spelling, its columns, and figures beside those before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from rich.cells import cell_len

from log10_trace.client.filters import Filters
from log10_trace.models.operations import Group
from log10_trace.questions.span_comparison import compare_groups, shift_span
from tests.cli.conftest import Cli, Said, call

LONG = "/srv/a/very/long/path/to/the/source/of/the/shop/checkout.py"


def made(number: int, model: str, days: float, file: str = "/srv/shop.py", **fields: Any) -> dict[str, Any]:
    """A call of so many days ago that cost something."""
    moment = datetime.now(timezone.utc) - timedelta(days=days)
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    return call(
        number,
        created_at=moment.isoformat(),
        base_url="https://api.openai.com/v1/",
        request={"model": model, "messages": [{"role": "user", "content": "?"}]},
        response={"model": model, "choices": [], "usage": usage},
        stacktrace=[{"file": file, "line": "ask()", "lineno": 7, "name": "ask"}],
        **fields,
    )


@pytest.fixture
def spent(cli: Cli) -> Cli:
    """An organization with one dear call, some cheap ones, and calls of the week before."""
    now = [made(number, "gpt-4o-mini", 1, duration=0.5) for number in range(3)]
    now += [made(4, "gpt-4o", 2, file=LONG, duration=2.0)]
    before = [
        made(5, "gpt-4o-mini", 8),
        made(6, "gpt-4o-mini", 9, status="failed", failure_kind="TimeoutError"),
    ]
    before += [made(7, "o3-mini", 10)]
    with cli.client() as client:
        client.completions.batch(completions=now + before)
    return cli


def test_the_dearest_comes_first(spent: Cli, within: Callable[..., Said]) -> None:
    """Groups are sorted by cost unless something else is asked for."""

    def keys(*words: str) -> list[str]:
        said = within("stats", "--since", "7d", "--json", *words)
        return [json.loads(line)["key"] for line in said.out.splitlines()]

    assert keys() == ["gpt-4o", "gpt-4o-mini"]
    assert keys("--sort", "calls") == ["gpt-4o-mini", "gpt-4o"]
    assert keys("--sort", "p95") == ["gpt-4o", "gpt-4o-mini"]
    assert keys("--by", "call-site") == keys("--by", "call_site") == [f"{LONG}:ask", "/srv/shop.py:ask"]
    assert within("stats", "--by", "callsite").returncode == 2


def test_cost_by_a_key_of_the_metadata(spent: Cli, within: Callable[..., Said]) -> None:
    """Calls are summed by the values of a key, and found by key and value, by command and by client."""
    users = {8: {"user_id": 42, "plan": "pro"}, 9: {"user_id": 7, "plan": "pro"}, 10: {"user_id": "42"}}
    with spent.client() as client:
        client.completions.batch(
            completions=[made(number, "gpt-4o", 1, metadata=one) for number, one in users.items()]
        )
        found = client.completions.list(metadata={"user_id": 42, "plan": "pro"})
        assert [each.metadata for each in found] == [{"user_id": 42, "plan": "pro"}]
        assert len(list(client.sessions.list(metadata="user_id=7"))) == 1
        assert list(client.sessions.list(metadata="user_id=8")) == []
        groups = client.completions.statistics(
            group_by="metadata.user_id", metadata={"plan": "pro"}
        ).statistics

    assert {group.key: group.calls for group in groups.groups} == {"42": 1, "7": 1}
    said = within("stats", "--by", "metadata.user_id", "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [(row["key"], row["calls"]) for row in rows] == [("42", 2), ("7", 1)]
    assert rows[0]["cost"] == pytest.approx(2 * rows[1]["cost"])
    said = within("completions", "list", "--json", "--metadata", "user_id=42", "--metadata", "plan=pro")
    assert [json.loads(line)["metadata"] for line in said.out.splitlines()] == [users[8]]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("stats", "--by", "metadata."), "metadata.KEY"),
        (("stats", "--by", "user_id"), "'user_id'"),
        (("completions", "list", "--metadata", "user_id"), "KEY=VALUE"),
    ],
)
def test_what_names_no_metadata_is_refused(
    spent: Cli, within: Callable[..., Said], words: tuple[str, ...], named: str
) -> None:
    """The error says how metadata is named."""
    said = within(*words)

    assert said.returncode != 0
    assert named in said.err


def test_columns_at_80(spent: Cli) -> None:
    """Money has four digits, numbers stand right, and a call site keeps its end."""
    lines = spent.screen("stats", "--since", "7d", "--by", "call_site", width=80).text.splitlines()

    assert lines[0].split() == ["WHAT", "CALLS", "FAILED", "COST", "P95", "IN", "OUT"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["…ource/of/the/shop/checkout.py:ask", "1", "0", "$0.0075"],
        ["/srv/shop.py:ask", "3", "0", "$0.0014"],
    ]
    assert len({cell_len(line) for line in lines}) == 1
    assert cell_len(lines[0]) <= 80


def test_beside_the_span_before(spent: Cli) -> None:
    """Each figure has how much more or less it is than before, at 80 columns."""
    lines = spent.screen("stats", "--compare", "7d", width=80).text.splitlines()

    assert max(map(cell_len, lines)) <= 80
    cells = [line.split() for line in lines]
    assert cells[0] == ["WHAT", "CALLS", "+/-", "FAILED", "+/-", "COST", "+/-", "P95", "+/-"]
    assert cells[1][:7] == ["gpt-4o", "1", "new", "0", "=", "$0.0075", "new"]
    assert cells[2][:7] == ["gpt-4o-mini", "3", "+50%", "0", "-1", "$0.0014", "+50%"]
    assert cells[3][:4] == ["o3-mini", "0", "-100%", "0"]


def test_a_comparison_for_programs(spent: Cli, within: Callable[..., Said]) -> None:
    """As JSON a group has its figures before; in a pipe they are cells of their own."""
    rows = {
        row["key"]: row
        for row in map(json.loads, within("stats", "--compare", "7d", "--json").out.splitlines())
    }
    cells = [line.split("\t") for line in within("stats", "--compare", "7d").out.splitlines()]

    assert rows["gpt-4o"]["before"] is None
    assert (rows["gpt-4o-mini"]["calls"], rows["gpt-4o-mini"]["before"]["calls"]) == (3, 2)
    assert (rows["o3-mini"]["calls"], rows["o3-mini"]["before"]["calls"]) == (0, 1)
    assert [row[:5] for row in cells] == [
        ["gpt-4o", "1", "", "0", ""],
        ["gpt-4o-mini", "3", "2", "0", "1"],
        ["o3-mini", "0", "1", "0", "0"],
    ]
    both = within("stats", "--compare", "7d", "--over", "day")
    assert (both.returncode, "cannot be used together" in " ".join(both.err.split())) == (2, True)
    for nonsense in ("week", "", "-7d", "0", "9999999w", "99999999999999999999w", "7d\udcff"):
        assert within("stats", "--compare", nonsense).returncode == 2


def test_the_span_before_a_span() -> None:
    """With a start and an end, the span before is as long; with neither, it ends where the last begins."""
    days = [datetime(2026, 1, day, tzinfo=timezone.utc) for day in (1, 2, 8, 9)]
    asked: Filters = {"since": days[2].isoformat(), "until": days[3].isoformat(), "model": "m"}
    now, before = shift_span(asked, 7 * 86_400_000)
    last, earlier = shift_span({}, 3_600_000)

    assert (now["since"], now["until"]) == (days[2], days[3])
    assert (before["since"], before["until"], before["model"]) == (days[0], days[1], "m")
    assert last["since"] == earlier["until"]


def test_a_cut_list_says_nothing_of_what_is_missing() -> None:
    """Where an answer has as many groups as it may have, a group that is not in it is not called new."""
    many = [Group(key=str(number), calls=1) for number in range(100)]
    few = many[:3]

    assert not compare_groups([Group(key="x", calls=1)], many)[0].is_known
    assert len(compare_groups(many, few)) == 100
    assert [change.before and change.before.calls for change in compare_groups(few, many[:2])] == [1, 1, None]
