"""`skyfix sample-city`."""

from __future__ import annotations

from pathlib import Path

import click

from models.sample_city import write_sample_city


@click.command("sample-city")
@click.option("--seed", default=1, show_default=True, help="Another seed, another city.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option("--extent", "extent_m", default=600.0, show_default=True, help="Side of the city, metres.")
@click.option("--photos", default=12, show_default=True, help="Perspective photos to take.")
@click.option("--panoramas", default=12, show_default=True, help="360 degree panoramas to take.")
def command(seed: int, out: Path, extent_m: float, photos: int, panoramas: int) -> None:
    """Write a synthetic city: ortho.tif, photos/, panoramas/, aerial/ and pairs.csv."""
    written = write_sample_city(out, seed=seed, extent_m=extent_m, photos=photos, panoramas=panoramas)
    click.echo(f"{written}: ortho.tif, {photos} photos, {panoramas} panoramas, pairs.csv")
