"""Options that several subcommands of `skyfix index` share."""

from __future__ import annotations

from pathlib import Path

import click

INDEX = click.option("--index", "path", required=True, type=click.Path(path_type=Path), help="Index folder.")
ZOOM = click.option(
    "--zoom", type=click.IntRange(0, 24), help="Of tiles of a web map. [default: the one whose detail fits]"
)
SOURCE = click.option(
    "--source",
    "sources",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="Imagery, as for `skyfix index build`.",
)
