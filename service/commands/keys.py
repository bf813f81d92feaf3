"""`skyfix keys`: make, list and revoke the keys that `skyfix serve --key-file` asks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import click

from service.door.issuing import new_key, revoke_key
from service.door.keys import KeyRow, Scope, read_keys

FILE = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SKYFIX_KEY_FILE",
    required=True,
    help="Key file; or SKYFIX_KEY_FILE.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def command() -> None:
    """Make, list and revoke API keys.

    The file holds SHA-256 digests only. A running service reads it again on SIGHUP.
    """


@command.command()
@FILE
@click.option("--name", required=True, help="Who gets it. Keys of one name share their limits; two may live at once.")
@click.option("--scope", "scopes", type=click.Choice(get_args(Scope)), multiple=True, help="localize by default.")
@click.option("--days", type=click.IntRange(1, 3650), help="Lifetime; without end by default.")
@AS_JSON
def new(path: Path, name: str, scopes: tuple[Scope, ...], days: int | None, as_json: bool) -> None:
    """Make a key and print it, this once; the file is made if need be."""
    lifetime = None if days is None else timedelta(days=days)
    key, row = new_key(path, name, tuple(dict.fromkeys(scopes)) or ("localize",), datetime.now(UTC), lifetime)
    click.echo(json.dumps({"key": key, **_public(row)}) if as_json else key)
    click.echo(f"Key {row.id} of {row.name}. It is not shown again; send SIGHUP to a running service.", err=True)


@command.command("list")
@FILE
@AS_JSON
def list_(path: Path, as_json: bool) -> None:
    """Show the keys of the file, without anything that opens a door."""
    rows = read_keys(path).rows
    if as_json:
        click.echo(json.dumps({"keys": [_public(row) for row in rows]}))
        return
    for row in rows:
        click.echo(f"{row.id}  {_state(row):8}  {row.name}  {','.join(row.scopes)}  since {row.created:%Y-%m-%d}")


@command.command()
@FILE
@click.argument("key_id")
def revoke(path: Path, key_id: str) -> None:
    """Revoke the key with this id, as `skyfix keys list` shows it."""
    row = revoke_key(path, key_id, datetime.now(UTC))
    click.echo(f"Key {row.id} of {row.name} is revoked once a running service has got SIGHUP.", err=True)


def _state(row: KeyRow) -> str:
    if row.revoked is not None:
        return "revoked"
    return "live" if row.is_live(datetime.now(UTC)) else "expired"


def _public(row: KeyRow) -> dict[str, Any]:
    return {**row.model_dump(mode="json", exclude={"sha256"}), "state": _state(row)}
