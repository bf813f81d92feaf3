"""`skyfix evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.table import Table

from models.bundle import Accuracy, default_bundle_path, open_model_bundle, record_accuracy
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.evaluation.own import evaluate_pairs
from models.pairs import read_pairs

ORIENTATIONS: tuple[Literal["known", "unknown"], ...] = ("known", "unknown")


@click.command("evaluate")
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Model bundle. [default: the one that comes with Skyfix]"
)
@click.option("--pairs", type=click.Path(path_type=Path), help="Your own photos: a pairs.csv.")
@click.option("--city", type=int, help="Seed of a sample city, instead of --pairs.")
@click.option("--places", default=1000, show_default=True, help="Places of the sample city.")
@click.option("--extent", "extent_m", default=1200.0, show_default=True, help="Side of the sample city, metres.")
@click.option(
    "--stride", "stride_m", type=float, help="Grid gallery at this stride in metres instead of centred tiles."
)
@click.option("--fov", "fovs", type=float, multiple=True, help="Field of view, degrees; repeat for several rows.")
@click.option("--orientation", type=click.Choice(["known", "unknown", "both"]), default="both", show_default=True)
@click.option("--footprint-m", type=float, help="With --pairs: metres of aerial image to use. [default: the bundle's]")
@click.option("--threads", default=1, show_default=True)
@click.option("--record", is_flag=True, help="Write the figures and this command into the bundle's manifest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    bundle: Path | None,
    pairs: Path | None,
    city: int | None,
    places: int,
    extent_m: float,
    stride_m: float | None,
    fovs: tuple[float, ...],
    orientation: Literal["known", "unknown", "both"],
    footprint_m: float | None,
    threads: int,
    record: bool,
    as_json: bool,
) -> None:
    """Measure recall on your own pairs or on a sample city. Ties count against the model."""
    if (pairs is None) == (city is None):
        raise UsageError("Give either --pairs FILE or --city SEED.")
    if record and city is None:
        raise UsageError("Only figures on sample cities are recorded: others cannot be had again by everyone.")
    opened = open_model_bundle(bundle or default_bundle_path())
    encoder = OnnxEncoder(opened, threads=threads)
    known = [value for value in ORIENTATIONS if orientation in (value, "both")]
    if pairs is not None:
        rows = [
            evaluate_pairs(encoder, read_pairs(pairs), heading_known=o == "known", fov_deg=f, footprint_m=footprint_m)
            for f in fovs or (None,)
            for o in known
        ]
    else:
        from models.evaluation.benchmark import CityBenchmark
        from models.evaluation.photographs import Setting

        benchmark = CityBenchmark.render(city or 0, places, extent_m)
        settings = [Setting(f, o) for f in fovs or (360.0, 180.0, 90.0, 70.0) for o in known]
        rows = benchmark.score(encoder, settings, stride_m)
    if record:
        words = f"skyfix evaluate --city {city} --places {places} --extent {extent_m:g}"
        words += f" --stride {stride_m:g}" if stride_m is not None else ""
        record_accuracy(opened, [row.model_copy(update={"command": words}) for row in rows])
    if as_json:
        click.echo(json.dumps({"model": opened.manifest.title, "rows": [row.model_dump(mode="json") for row in rows]}))
        return
    Console().print(_table(opened.manifest.title, rows))


def _table(title: str, rows: list[Accuracy]) -> Table:
    table = Table(title=f"{title} on {rows[0].protocol}: {rows[0].queries} photos, {rows[0].gallery} tiles")
    for name in ("fov", "heading", "R@1", "R@5", "R@10", "R@1%", "median error", "heading within 15°"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row.fov_deg:g}°",
            row.orientation,
            *(f"{v:.1%}" for v in (row.recall_at_1, row.recall_at_5, row.recall_at_10, row.recall_at_1_percent)),
            "" if row.median_error_m is None else f"{row.median_error_m:.1f} m",
            "" if row.heading_within_15_deg is None else f"{row.heading_within_15_deg:.1%}",
        )
    return table
