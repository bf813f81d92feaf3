"""`skyfix train`."""

from __future__ import annotations

from pathlib import Path

import click

from models.training.config import load_config
from models.training.loop import train


@click.command("train")
@click.option("--config", required=True, help="TOML file, or the name of a configuration that comes with Skyfix.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run; resumed if it exists.")
@click.option("--pairs", type=click.Path(path_type=Path), help="Folder for the rendered pairs. [default: OUT/pairs]")
@click.option("--workers", default=1, show_default=True, help="Processes that render sample cities.")
@click.option("--threads", default=1, show_default=True, help="Torch threads.")
def command(config: str, out: Path, pairs: Path | None, workers: int, threads: int) -> None:
    """Train a model; a killed run goes on from its last checkpoint when called again."""
    checkpoint = train(load_config(config), out, store=pairs, workers=workers, threads=threads)
    click.echo(f"{checkpoint}\nNext: skyfix export --checkpoint {checkpoint} --out BUNDLE", err=True)
