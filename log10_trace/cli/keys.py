"""``log10-trace keys``: make, list and revoke keys directly in a database; ``show`` asks a server."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.database import Database, Organization, open_database
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import Column, show_json, show_rows
from log10_trace.cli.units import span_ms
from log10_trace.domain.keys import Key, Scope, make_key
from log10_trace.domain.times import utc_datetime
from log10_trace.errors import SetupError

keys = typer.Typer(
    help="Create, list, show and revoke the server's API keys.",
    epilog="""[bold]Examples[/bold]

  log10-trace keys create --scope ingest --name "batch job" --expires 90d

  log10-trace keys list

  log10-trace keys show

  log10-trace keys revoke 5d0f6c1e2b3a4978""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(keys, name="keys")


def _moments(title: str, name: str) -> Column:
    return Column(
        title=title,
        cell=lambda key: key[name] or "",
        brief=lambda key: (key[name] or "")[:16].replace("T", " "),
    )


_COLUMNS: Final = (
    Column(title="ID", cell=lambda key: key["id"]),
    Column(title="STATE", cell=lambda key: key["state"]),
    Column(title="SCOPES", cell=lambda key: ", ".join(key["scopes"]), flexible=True),
    Column(title="NAME", cell=lambda key: key["name"], flexible=True),
    Column(title="ORGANIZATION", cell=lambda key: key["organization_id"], flexible=True),
    _moments("LAST USED", "last_used_at"),
    _moments("EXPIRES", "expires_at"),
    _moments("CREATED", "created_at"),
)
_KEPT_BY_THE_DATABASE: Final = {"STATE", "LAST USED"}
"""Columns of the list that a server does not give of the key that asks: it is valid, and in use."""


@keys.command()
def create(
    *,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What the key may do; repeatable. Default: ingest, read.")
    ] = None,
    name: Annotated[str, typer.Option(help="A name for the key, shown in the list.")] = "",
    organization: Organization = "default",
    expires: Annotated[str | None, typer.Option(help="Lifetime: 90d, 12h. Default: no expiry.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create a key and show it once: only its hash is stored.

    ingest writes records and reads none, read reads, feedback grades, admin does everything.
    """
    now_ms = time.time_ns() // 1_000_000
    expires_at_ms = None if expires is None else now_ms + span_ms(expires)
    scopes = scope or [Scope.INGEST, Scope.READ]
    token, key = make_key(organization, scopes, name=name, now_ms=now_ms, expires_at_ms=expires_at_ms)
    with open_database(database) as store:
        kept = store.keys.add(organization, key).result()
    typer.echo(json.dumps({"key": token, **_format_key(kept)}) if as_json else token)


@keys.command(name="list")
def list_keys(
    *,
    organization: Annotated[str | None, typer.Option(help="Only keys of this organization.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List the keys, without their secrets."""
    with open_database(database) as store:
        found = store.keys.list(organization)
    shown = [_format_key(key) for key in found]
    if not as_json:
        show_rows(_COLUMNS, shown, empty="There are no keys yet.")
        return
    for each in shown:
        show_json(each)


@keys.command()
@expand_option_groups
def show(*, server: Server, as_json: Json = False) -> None:
    """Show what your own key is: the server says its id, scopes, organization and expiry.

    The key is that of --token, LOG10_TOKEN, or this user's own server.
    """
    with server.client() as client:
        key = client.key.get().key.model_dump()
    if as_json:
        show_json(key)
        return
    show_rows([column for column in _COLUMNS if column.title not in _KEPT_BY_THE_DATABASE], [key], empty="")


@keys.command()
def revoke(
    *,
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")],
    database: Database = None,
) -> None:
    """Revoke a key: a running server rejects it after at most five seconds."""
    with open_database(database) as store:
        key = store.keys.find(key_id)
        now_ms = time.time_ns() // 1_000_000
        if key is None or not store.keys.revoke(key.organization_id, key_id, now_ms=now_ms).result():
            message = f"There is no valid key with the id {key_id}. See them: log10-trace keys list"
            raise SetupError(message)
    typer.echo(f"Revoked {key_id}.")


def _format_key(key: Key) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    state = "revoked" if key.revoked_at_ms is not None else "valid" if key.is_valid(now_ms) else "expired"
    return {
        "id": key.id,
        "name": key.name,
        "organization_id": key.organization_id,
        "scopes": sorted(scope.value for scope in key.scopes),
        "created_at": _moment(key.created_at_ms),
        "expires_at": _moment(key.expires_at_ms),
        "last_used_at": _moment(key.last_used_at_ms),
        "state": state,
    }


def _moment(ms: int | None) -> str | None:
    return None if ms is None else utc_datetime(ms).isoformat()
