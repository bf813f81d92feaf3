"""`skyfix index`: build, look at and verify indexes of aerial imagery."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from index.build import BATCH, MAX_BAD_RATIO, BuildReport, build_index
from index.build import Progress as Done
from index.bundle import open_index, resolve_generation
from index.description import describe
from index.manifest import read_index_manifest
from index.plan_command import command as plan
from index.report_command import command as report
from index.search import Searcher
from index.sources.opening import open_source
from index.sources.tile_folder import Scheme
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder, ProviderPolicy
from models.errors import UsageError

INDEX = click.option("--index", "path", required=True, type=click.Path(path_type=Path), help="Index folder.")
BUNDLE = click.option(
    "--bundle", type=click.Path(path_type=Path), help="Model bundle. [default: the one that comes with Skyfix]"
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("index")
def command() -> None:
    """Build and inspect indexes of aerial imagery."""


command.add_command(plan)
command.add_command(report)


@command.command()
@click.option(
    "--source",
    "sources",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="GeoTIFF or VRT, folder of them, z/x/y tiles, .mbtiles, .pmtiles, STAC item or catalogue (repeat for more); "
    "or folder of tiles with a CSV (file, lat, lon, ground_resolution_m).",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Index folder; made, or given a generation."
)
@BUNDLE
@click.option(
    "--tile-m",
    "--footprint-m",
    "footprint_m",
    type=click.FloatRange(1, 10_000),
    help="Side of the square of ground that the model sees of a tile. [default: what it was trained on]",
)
@click.option(
    "--stride-m",
    type=click.FloatRange(0.1, 10_000),
    help="Metres between centres. [default: what the model's cells cover, else tile / 4]",
)
@click.option("--overlap-m", type=click.FloatRange(0, 10_000), help="The same, said as the overlap of neighbours.")
@click.option("--name", help="Name of the index. [default: the folder's]")
@click.option("--attribution", help="Whom to credit for the imagery. [default: what the file says]")
@click.option("--licence", default="", help="Licence of the imagery.")
@click.option("--captured", help="Date of the imagery: 2025, 2025-06 or 2025-06-30. [default: what the imagery says]")
@click.option("--zoom", type=click.IntRange(0, 24), help="Of tiles of a web map. [default: the one whose detail fits]")
@click.option(
    "--scheme", type=click.Choice(["xyz", "tms"]), help="Order of rows in a folder of tiles. [default: as it says]"
)
@click.option("--threads", type=click.IntRange(1, 256), help="Tiles described at once. [default: one a core]")
@click.option("--device", type=click.Choice(["cpu", "prefer-gpu", "require-gpu"]), default="cpu", show_default=True)
@click.option(
    "--batch",
    type=click.IntRange(1, 1024),
    default=BATCH,
    show_default=True,
    help="Tiles in one run of the network.",
)
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=MAX_BAD_RATIO,
    show_default=True,
    help="Share of bad tiles that is put up with; blank ones do not count.",
)
@JSON
def build(
    sources: tuple[Path, ...],
    out: Path,
    bundle: Path | None,
    footprint_m: float | None,
    stride_m: float | None,
    overlap_m: float | None,
    name: str | None,
    attribution: str | None,
    licence: str,
    captured: str | None,
    zoom: int | None,
    scheme: Scheme | None,
    threads: int | None,
    device: ProviderPolicy,
    batch: int,
    max_bad: float,
    as_json: bool,
) -> None:
    """Cut imagery into tiles, describe each with the model, and publish the index."""
    model = open_model_bundle(bundle or default_bundle_path())
    view = model.manifest.aerial
    side_m = footprint_m or view.footprint_m
    source = open_source(
        sources,
        footprint_m=side_m,
        size_px=view.size_px,
        stride_m=choose_stride_m(side_m, stride_m, overlap_m),
        cells=view.cells_over(side_m),
        captured=captured,
        zoom=zoom,
        scheme=scheme,
    )
    encoder = OnnxEncoder(model, policy=device, views=("aerial",))
    with _bar() as bar:
        task = bar.add_task("tiles", total=source.count, speed="", bad="")

        def show(done: Done) -> None:
            elapsed_s = bar.tasks[task].elapsed
            speed = f"{done.indexed / elapsed_s:.3g} tiles/s" if elapsed_s else ""
            bad = f"{done.quarantined} left out" if done.quarantined else ""
            bar.update(task, completed=done.indexed + done.quarantined, speed=speed, bad=bad)

        report = build_index(
            source,
            encoder,
            out,
            name=name or out.resolve().name,
            attribution=attribution,
            licence=licence,
            batch=batch,
            workers=threads,
            max_bad_ratio=max_bad,
            on_progress=show,
        )
    _print_report(report, as_json)


def choose_stride_m(footprint_m: float, stride_m: float | None, overlap_m: float | None) -> float | None:
    """Give the stride that two options may ask for in their own ways; None if neither does.

    Raises:
        UsageError: both were given, or the overlap leaves no stride.
    """
    if overlap_m is None:
        return stride_m
    if stride_m is not None:
        raise UsageError("Give --stride-m or --overlap-m, not both.")
    if overlap_m >= footprint_m:
        raise UsageError(f"Tiles of {footprint_m:g} m cannot overlap by {overlap_m:g} m. Choose a smaller --overlap-m.")
    return footprint_m - overlap_m


@command.command()
@INDEX
@JSON
def info(path: Path, as_json: bool) -> None:
    """Show what an index says of itself, without reading its vectors."""
    manifest = read_index_manifest(resolve_generation(path))
    if as_json:
        click.echo(manifest.model_dump_json())
        return
    table = Table(title=manifest.title, show_header=False, title_justify="left")
    for field, text in describe(manifest).items():
        table.add_row(field, text)
    Console().print(table)


@command.command()
@INDEX
@BUNDLE
@JSON
def verify(path: Path, bundle: Path | None, as_json: bool) -> None:
    """Check every file of an index, its probes and, with --bundle, that this model built it."""
    model = None if bundle is None else open_model_bundle(bundle)
    index = open_index(path, model)
    recall = Searcher(index).probe_recall()
    checked = {"index": index.title, "folder": str(index.folder), "tiles": len(index), "probe_recall": recall}
    if as_json:
        click.echo(json.dumps({"ok": True, **checked, "model": index.manifest.model_title}))
    else:
        click.echo(f"{index.title} is whole: {len(index)} tiles, every file as published, all probes answered.")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[bad]}"),
        console=Console(stderr=True),
    )


def _print_report(report: BuildReport, as_json: bool) -> None:
    for notice in report.notices:
        click.echo(f"notice: {notice}", err=True)
    if as_json:
        click.echo(json.dumps({**asdict(report), "path": str(report.path)}))
        return
    click.echo(f"{report.title}: {report.count} tiles in {report.seconds:.1f} s ({report.tiles_per_s:.0f} tiles/s)")
    if report.quarantined:
        click.echo(f"{report.quarantined} left out, listed in {report.path / 'quarantine.csv'}")
    click.echo(f"published as {report.path}")
