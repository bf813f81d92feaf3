"""`skyfix index add|remove|update|gc`: new generations from old ones, and an end to the oldest."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from index.bundle import resolve_generation
from index.changes import parse_since, split_by_change
from index.generations import KEEP, collect_generations
from index.job import BuildReport, Run
from index.job_options import JobOptions, carry_out, job_options, print_report
from index.manifest import IndexManifest, read_index_manifest
from index.options import INDEX, SOURCE
from index.publish import lock_root
from index.revise import add_tiles, remove_tiles, update_index
from index.sources.opening import open_source
from index.tiles import Bounds, TileSource
from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.errors import UsageError

if TYPE_CHECKING:
    from index.sources.tile_folder import Scheme

BUNDLE = click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="Model bundle that built the index. [default: the one that comes with Skyfix]",
)
CAPTURED = click.option("--captured", help="Date of the imagery: 2025, 2025-06 or 2025-06-30.")
ZOOM = click.option("--zoom", type=click.IntRange(0, 24), help="Of tiles of a web map, as for `skyfix index build`.")
SCHEME = click.option("--scheme", type=click.Choice(["xyz", "tms"]), help="Order of rows in a folder of such tiles.")


@dataclass(frozen=True, slots=True)
class Reading:
    """How imagery is read."""

    captured: str | None
    zoom: int | None
    scheme: Scheme | None


@click.command()
@INDEX
@SOURCE
@BUNDLE
@CAPTURED
@ZOOM
@SCHEME
@job_options
def add(
    path: Path,
    sources: tuple[Path, ...],
    bundle: Path | None,
    captured: str | None,
    zoom: int | None,
    scheme: Scheme | None,
    **options: Any,
) -> None:
    """Add the tiles of more imagery to an index; those that are there are taken over."""
    chosen, model, manifest = JobOptions(**options), *_opened(path, bundle)
    source = _open(sources, model, manifest, Reading(captured, zoom, scheme))
    encoder, engine = OnnxEncoder(model, policy=chosen.session_device, views=("aerial",)), chosen.engine(model.folder)
    carry_out(
        lambda run: add_tiles(path, source, encoder, replace(run, engine=engine)), "add", path, chosen, source.count
    )


@click.command()
@INDEX
@SOURCE
@BUNDLE
@CAPTURED
@ZOOM
@SCHEME
@click.option(
    "--changed-since",
    "since",
    metavar="TIME",
    help="Take the tiles of GeoTIFFs and archives over without a look if the file was last modified before: "
    "2025-06-30, 2025-06-30T12:00Z, or 36h, 7d, 2w ago.",
)
@job_options
def update(
    path: Path,
    sources: tuple[Path, ...],
    bundle: Path | None,
    captured: str | None,
    zoom: int | None,
    scheme: Scheme | None,
    since: str | None,
    **options: Any,
) -> None:
    """Look at an index's imagery again and describe only the tiles whose pixels changed; tiles that are gone go.

    Give all the imagery that the index shall hold.
    """
    chosen, model, manifest = JobOptions(**options), *_opened(path, bundle)
    for source_path in sources:
        if not source_path.exists():
            raise UsageError(f"{source_path} does not exist. To take its tiles away, use `skyfix index remove`.")
    unread: frozenset[str] = frozenset()
    if since is not None:
        changes = split_by_change(sources, parse_since(since))
        sources, unread = changes.changed, changes.unread
    source = _open(sources, model, manifest, Reading(captured, zoom, scheme)) if sources else None
    encoder, engine = OnnxEncoder(model, policy=chosen.session_device, views=("aerial",)), chosen.engine(model.folder)
    total = manifest.count if source is None else source.count

    def job(run: Run) -> BuildReport:
        return update_index(path, source, encoder, replace(run, engine=engine), unread=unread)

    carry_out(job, "update", path, chosen, total)


@click.command()
@INDEX
@click.option("--id", "ids", multiple=True, help="Id of a tile; may be repeated.")
@click.option(
    "--ids-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="File with an id a line."
)
@click.option("--from-file", "files", multiple=True, metavar="NAME", help="All tiles of an imagery file, by its name.")
@click.option(
    "--bounds",
    type=float,
    nargs=4,
    metavar="WEST SOUTH EAST NORTH",
    help="Tiles whose centre lies in a box, in degrees; west > east across the antimeridian.",
)
@click.option(
    "--keep", type=click.IntRange(1, 1000), default=KEEP, show_default=True, help="Generations that are left."
)
@click.option("--restart", is_flag=True, help="Throw the unfinished work of an interrupted job away.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def remove(
    path: Path,
    ids: tuple[str, ...],
    ids_file: Path | None,
    files: tuple[str, ...],
    bounds: tuple[float, float, float, float] | None,
    keep: int,
    restart: bool,
    as_json: bool,
) -> None:
    """Make a generation without some tiles."""
    if ids_file is not None:
        ids += tuple(line.strip() for line in ids_file.read_text(encoding="utf-8").splitlines() if line.strip())
    if not (ids or files or bounds):
        raise UsageError("Say which tiles: --id, --ids-file, --from-file or --bounds.")
    box = None if not bounds else Bounds(*bounds)
    run = Run(keep=keep, restart=restart)
    print_report(remove_tiles(path, ids=frozenset(ids), sources=frozenset(files), bounds=box, run=run), as_json)


@click.command()
@INDEX
@click.option(
    "--keep",
    type=click.IntRange(1, 1000),
    default=KEEP,
    show_default=True,
    help="Generations that are left, the current one among them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def gc(path: Path, keep: int, as_json: bool) -> None:
    """Remove the oldest generations; the current one always stays."""
    resolve_generation(path)
    with lock_root(path):
        removed = collect_generations(path, keep)
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    else:
        click.echo(f"removed {', '.join(removed)}" if removed else "nothing to remove")


def _opened(path: Path, bundle: Path | None) -> tuple[ModelBundle, IndexManifest]:
    return open_model_bundle(bundle or default_bundle_path()), read_index_manifest(resolve_generation(path))


def _open(sources: tuple[Path, ...], model: ModelBundle, manifest: IndexManifest, reading: Reading) -> TileSource:
    """Open imagery to be cut as the tiles of an index were."""
    view = model.manifest.aerial
    return open_source(
        sources,
        footprint_m=manifest.footprint_m,
        size_px=view.size_px,
        stride_m=manifest.stride_m,
        cells=view.cells_over(manifest.footprint_m),
        captured=reading.captured,
        zoom=reading.zoom,
        scheme=reading.scheme,
    )
