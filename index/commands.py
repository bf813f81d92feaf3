"""`skyfix index`: build, look at and verify indexes of aerial imagery."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from index.build import BuildReport, Run, build_index
from index.bundle import open_index, resolve_generation
from index.description import describe
from index.job_options import JobOptions, carry_out, job_options
from index.manifest import read_index_manifest
from index.options import INDEX
from index.plan_command import command as plan
from index.push_command import command as push
from index.region_command import command as region
from index.region_command import document_of, print_region
from index.region_file import is_region, read_region
from index.region_opening import open_member
from index.report_command import command as report
from index.revise_commands import add, gc, remove, update
from index.search import Searcher
from index.sources.opening import open_source
from index.sources.tile_folder import Scheme
from index.stores.profiles import Profile
from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.errors import UsageError

BUNDLE = click.option(
    "--bundle", type=click.Path(path_type=Path), help="Model bundle. [default: the one that comes with Skyfix]"
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("index")
def command() -> None:
    """Build and inspect indexes of aerial imagery."""


command.add_command(plan)
command.add_command(push)
command.add_command(region)
command.add_command(report)
for revision in (add, remove, update, gc):
    command.add_command(revision)


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
@click.option(
    "--profile",
    type=click.Choice(["exact", "balanced", "compact"]),
    default="exact",
    show_default=True,
    help="How the index is searched everywhere: all rows compared, or candidates found among rows of 8 bits a value, "
    "or of under 96 bytes. See docs/search.md.",
)
@click.option(
    "--thumbnails",
    is_flag=True,
    help="Keep pictures of the imagery as map tiles, and where places look alike: the page of the service shows both. "
    "Reads the imagery twice.",
)
@job_options
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
    profile: Profile,
    thumbnails: bool,
    **options: Any,
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
    chosen = JobOptions(**options)
    encoder = OnnxEncoder(model, policy=chosen.session_device, views=("aerial",))
    engine = chosen.engine(model.folder)

    def job(run: Run) -> BuildReport:
        title = name or out.resolve().name
        return build_index(
            source,
            encoder,
            out,
            name=title,
            attribution=attribution,
            licence=licence,
            profile=profile,
            thumbnails=thumbnails,
            run=replace(run, engine=engine),
        )

    carry_out(job, "build", out, chosen, source.count)


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
    """Show what an index, or a region and its members, says of itself, without reading its vectors."""
    if is_region(path):
        plan = read_region(path)
        if as_json:
            click.echo(json.dumps(document_of(plan)))
        else:
            print_region(plan)
        return
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
    """Check every file of an index, or of all in a region, its probes and, with --bundle, that this model built it."""
    model = None if bundle is None else open_model_bundle(bundle)
    if is_region(path):
        _verify_region(path, model, as_json)
        return
    index = open_index(path, model)
    recall = Searcher(index).probe_recall()
    checked = {"index": index.title, "folder": str(index.folder), "tiles": len(index), "probe_recall": recall}
    if as_json:
        click.echo(json.dumps({"ok": True, **checked, "model": index.manifest.model_title}))
    else:
        click.echo(f"{index.title} is whole: {len(index)} tiles, every file as published, probes answered.")


def _verify_region(path: Path, model: ModelBundle | None, as_json: bool) -> None:
    """Open one member after another; the first that does not hold ends it."""
    plan, recalls = read_region(path), {}
    for member in plan.members:
        recalls[member.name] = open_member(member, model, "auto").probe_recall()
        if not as_json:
            click.echo(f"{member.name} is whole: {member.manifest.count} tiles, every file as published.")
    if as_json:
        click.echo(json.dumps({"ok": True, "index": plan.name, "probe_recall": recalls, "notices": list(plan.notices)}))
    for notice in plan.notices:
        click.echo(f"notice: {notice}", err=True)
