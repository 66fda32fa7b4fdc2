"""``log10-trace prices``: the price table that the server works out cost with."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import Column, numeric_column, show_json, show_rows, stderr_console
from log10_trace.domain.price_table import ListedPrice
from log10_trace.questions.server_prices import prices_of

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace prices gpt-5

  log10-trace prices groq/ --json"""


def _name(listed: ListedPrice) -> str:
    return f"{listed.provider}/{listed.model}" if listed.provider else listed.model


def _dollars_of(name: str) -> Any:
    return lambda listed: None if listed.entry is None else listed.entry.get(name)


def _format_dollars(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"


_COLUMNS: Final = (
    Column(title="MODEL", cell=_name, flexible=True),
    *(
        numeric_column(title, _dollars_of(name), _format_dollars)
        for title, name in (("IN", "input"), ("CACHED", "cached_input"), ("OUT", "output"))
    ),
    Column(title="TIERS", cell=lambda listed: ", ".join((listed.entry or {}).get("tiers", ()))),
)


@app.command(cls=OnceCommand, epilog=EXAMPLES)
@expand_option_groups
def prices(
    part: Annotated[str, typer.Argument(help="Part of PROVIDER/MODEL; default: all.")] = "",
    *,
    server: Server,
    json: Json = False,
) -> None:
    """Show what models cost, in US dollars for a million tokens, and the day of the table."""
    with server.client() as client:
        found = prices_of(client)
    tables = [found.package] if found.own is None else [found.own, found.package]
    listed = {_name(each): each for table in reversed(tables) for each in table.list_prices()}
    rows = [each for name, each in sorted(listed.items()) if part.lower() in name.lower()]
    if json:
        for each in rows:
            show_json({"provider": each.provider or None, "model": each.model, "prices": each.entry})
        return
    show_rows(_COLUMNS, rows, empty="No such model has a price.")
    document = found.package.document
    own = " The server's own file wins." if found.own is not None else ""
    stderr_console.print(f"Prices of {document.get('date')}, from {document.get('source')}.{own}")
