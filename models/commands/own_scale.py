"""How much ground one's own aerial images show: the option that says so, and a warning where nothing does."""

from __future__ import annotations

import click

from models.datasets.pairset import PairSet

ground_resolution_option = click.option(
    "--ground-resolution-m",
    type=click.FloatRange(min=0, min_open=True),
    help="With --pairs: metres a pixel of the aerial images for which pairs.csv has no ground_resolution_m.",
)


def warn_of_unknown_scale(pairs: PairSet, footprint_m: float, ground_resolution_m: float | None) -> None:
    """Say on stderr that tiles are taken to show the footprint where neither pairs nor option tell what they show.

    Args:
        pairs: one's own.
        footprint_m: ground that an image of unknown scale is taken to show.
        ground_resolution_m: what the option gave.
    """
    unknown = pairs.of_unknown_resolution
    if unknown and ground_resolution_m is None:
        click.echo(
            f"{pairs.name}: {unknown} of {len(pairs.aerial)} aerial images do not say how much ground they show, and "
            f"are taken to show {footprint_m:g} m, whatever their size. A wrong scale costs most of the recall: give "
            "ground_resolution_m in pairs.csv, metres a pixel, or --ground-resolution-m.",
            err=True,
        )
