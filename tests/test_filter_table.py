"""Every interface to the filters of a list covers exactly the rows of the filter table."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import pytest
from starlette.datastructures import QueryParams
from typer import Typer
from typer.testing import CliRunner
from typing_extensions import get_type_hints as get_typed_dict_hints

from log10_trace.cli import completions, sessions
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.options import expand_option_groups
from log10_trace.client.filters import Filters
from log10_trace.domain.filters import COLUMN_FILTERS, FILTER_NAMES, FILTERS, Filter, FilterType
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.openapi.document import build_document
from log10_trace.server.operations import OPERATIONS
from log10_trace.server.pages import rendering
from log10_trace.server.pages.calls.list_view import ListView
from log10_trace.server.pages.filter_form import filter_form_from
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.postgres import filter_sql as postgres_sql
from log10_trace.server.store.sqlite import filter_sql as sqlite_sql

EXAMPLES: Final[Mapping[FilterType, tuple[str, Any]]] = {
    "labels": ("a", ("a",)),
    "pairs": ("a=b,c", ("a=b,c",)),
    "label": ("a", "a"),
    "start": ("1970-01-02", 86_400_000),
    "end": ("1970-01-02", 2 * 86_400_000),
    "seconds": ("1.5", 1.5),
    "count": ("7", 7),
    "search": ("word", "word"),
}
"""A value of the query, and what the store is asked for."""
STORE_TYPES: Final[Mapping[FilterType, Any]] = {
    "labels": tuple[str, ...],
    "pairs": tuple[str, ...],
    "label": str | None,
    "start": int | None,
    "end": int | None,
    "seconds": float | None,
    "count": int | None,
    "search": str | None,
}
CLIENT_TYPES: Final[Mapping[FilterType, Any]] = {
    "labels": str | Sequence[str] | None,
    "pairs": Mapping[str, str | int | float | bool] | Sequence[str] | str | None,
    "label": str | None,
    "start": str | datetime | None,
    "end": str | datetime | None,
    "seconds": float | None,
    "count": int | None,
    "search": str | None,
}
FILTERED_COMMANDS: Final = (
    (completions.group, "list"),
    (completions.group, "search"),
    (completions.group, "export"),
    (completions.group, "tail"),
    (completions.group, "benchmark_models"),
    (sessions.group, "list"),
)


def example(row: Filter) -> tuple[str, Any]:
    """A value of the query, and what the store is asked for."""
    return (row.values[-1], row.values[-1]) if row.type == "choice" else EXAMPLES[row.type]


def filters_of_options(words: list[str]) -> dict[str, Any]:
    """What a command gives the client for these words of the command line."""
    app, given = Typer(), []

    @app.command()
    @expand_option_groups
    def command(which: CompletionFilterOptions) -> None:
        given.append(which.filters())

    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return dict(given[0])


def test_names_are_unique() -> None:
    """No two filters share a name, a field of the store's filter, or an option."""
    for names in (
        FILTER_NAMES,
        [row.store_field for row in FILTERS],
        [option for row in FILTERS for option in row.options],
    ):
        assert len(set(names)) == len(names)


def test_the_stores_filter_has_a_field_for_each_row() -> None:
    """``CompletionFilter`` has the table's fields and no other, each of the row's type and optional."""
    hints = get_type_hints(CompletionFilter)

    assert set(hints) == {row.store_field for row in FILTERS}
    for row in FILTERS:
        hint = hints[row.store_field]
        if get_origin(hint) is Literal:
            assert get_args(hint) == row.values
        else:
            assert hint == STORE_TYPES.get(row.type, str | None)
    for field in dataclasses.fields(CompletionFilter):
        assert field.default is not dataclasses.MISSING


def test_the_clients_arguments_are_the_rows() -> None:
    """``Filters`` has a key for each row and no other, of the row's type; each may be absent or None."""
    hints = get_typed_dict_hints(Filters)

    assert set(hints) == set(FILTER_NAMES)
    assert Filters.__required_keys__ == frozenset()
    for row in FILTERS:
        if row.type == "choice":
            assert hints[row.name] in (Literal[row.values] | None, str | None)
        else:
            assert hints[row.name] == CLIENT_TYPES[row.type]


@pytest.mark.parametrize("row", FILTERS, ids=FILTER_NAMES)
def test_the_server_reads_each_filter(row: Filter) -> None:
    """A query that sets one filter sets exactly its field of the store's filter."""
    text, value = example(row)

    wanted = parse_filters(RequestParams(QueryParams({row.name: text}), FILTER_NAMES))

    assert wanted == dataclasses.replace(CompletionFilter(), **{row.store_field: value})


def test_the_openapi_document_describes_each_filter() -> None:
    """Every operation that takes one filter takes all of them, described, and choices as an enum."""
    by_operation = [
        {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
        for path in build_document(OPERATIONS)["paths"].values()
        for operation in path.values()
    ]
    filtered = [parameters for parameters in by_operation if "min_duration" in parameters]

    assert len(filtered) == 4
    for parameters in filtered:
        assert tuple(parameters)[: len(FILTERS)] == FILTER_NAMES
        for row in FILTERS:
            assert parameters[row.name]["description"].startswith(row.help)
            if row.type == "choice":
                assert list(row.values) in [
                    schema.get("enum") for schema in parameters[row.name]["schema"]["anyOf"]
                ]


@pytest.mark.parametrize(("group", "name"), FILTERED_COMMANDS)
def test_the_commands_have_each_option(group: Typer, name: str) -> None:
    """Every command that shows filtered calls offers the options of all rows, with the choices of the row."""
    shown = CliRunner().invoke(group, [name, "--help"], env={"COLUMNS": "250", "NO_COLOR": "1"})

    assert shown.exit_code == 0
    for row in FILTERS:
        for option in row.options:
            assert re.search(rf"{option}\b", shown.output)
        if row.options and row.choices:
            assert "|".join(row.values) in shown.output


@pytest.mark.parametrize("row", [row for row in FILTERS if row.options], ids=lambda row: row.name)
def test_the_command_line_reads_each_option(row: Filter) -> None:
    """An option sets the client's argument of its row, and no other."""
    text, value = (row.values[-1],) * 2 if row.choices else EXAMPLES[row.type]
    needed = ["--tag", "a"] if row.name == "tag_match" else []

    for option in row.options:
        filters = filters_of_options([*needed, option, text])
        assert row.name in filters
        assert set(filters) <= {row.name, "tag", "tag_match"}
        if row.type not in ("start", "end"):  # the command line reads days in the user's time zone
            assert filters[row.name] == (list(value) if row.type in ("labels", "pairs") else value)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["--tag-match", "all"], {}),
        (["--tag", " "], {}),
        (["--tag", "a, b", "--tags", "c"], {"tag": ["a", "b", "c"], "tag_match": "any"}),
        (["--tag", "a", "--tag-match", "none"], {"tag": ["a"], "tag_match": "none"}),
        (["--min-duration", "0", "--max-tokens", "0"], {"min_duration": 0.0, "max_tokens": 0}),
    ],
)
def test_options_that_ask_nothing_are_left_out(words: list[str], expected: dict[str, Any]) -> None:
    """What was not given is not sent, nor how tags match where none is given; zero is a value."""
    assert filters_of_options(words) == expected


def test_the_page_has_a_field_for_each_filter() -> None:
    """The form of the list names every filter, with the titles of its choices."""
    conditions = filter_form_from([("status", "failed")])
    response = rendering.page("list.html", root="", view=ListView(conditions=conditions))

    html = bytes(response.body).decode()
    start = html.index('<form class="filters"')
    form = html[start : html.index("</form>", start)]
    names = re.findall(r'<(?:input|select)[^>]* name="(\w+)"', form)
    assert sorted(names) == sorted([*FILTER_NAMES, "order"])
    for row in FILTERS:
        for _, title in row.choices:
            assert f">{title}</option>" in form or f">{title}</a>" in form


@pytest.mark.parametrize("row", FILTERS, ids=FILTER_NAMES)
def test_the_page_shows_each_filter_that_is_set(row: Filter) -> None:
    """A condition that is set is shown by its label, with an address that takes it off."""
    shown = filter_form_from([(row.name, "a")]).shown

    assert [(each.name, each.value, each.removed) for each in shown] == [(row.label, "a", "/")]


@pytest.mark.parametrize("row", COLUMN_FILTERS, ids=lambda row: row.name)
def test_both_stores_compare_the_column(row: Filter) -> None:
    """A filter with a column is a bound comparison in the SQL of SQLite and of PostgreSQL."""
    wanted = dataclasses.replace(CompletionFilter(), **{row.store_field: example(row)[1]})

    sqlite = sqlite_sql.select_positions("org", wanted, count=lambda _: 0, limit=1)
    postgres, values = postgres_sql.build_query("org", wanted).page("keys", 1, "newest")

    assert f"c.{row.column} {row.operator} :{row.name}" in sqlite.text
    assert f"AND {row.column} {row.operator} %({row.name})s" in postgres.decode()
    assert sqlite.values[row.name] == values[row.name] == example(row)[1]
