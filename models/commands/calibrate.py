"""`skyfix calibrate`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.calibration.cities import CityEvidence, Plan
from models.calibration.delivery import deliver
from models.calibration.fit import calibrate
from models.calibration.model import Calibration
from models.calibration.own import own_evidence, own_gallery
from models.calibration.refit import LEAST_TO_FIT, Refit, refit
from models.calibration.report import Row, promise_lines, rows_of_cities, rows_of_own
from models.commands.calibrate_tables import check_tables
from models.commands.evaluate import spelled
from models.commands.own_scale import ground_resolution_option, warn_of_unknown_scale
from models.datasets.own import own_pairs
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.evaluation.evidence import CellEvidence

CITY_FOVS_DEG = (360.0, 180.0, 90.0, 70.0)


@click.command("calibrate")
@click.option("--bundle", "bundle_path", type=click.Path(path_type=Path), help="Model bundle. [default: Skyfix's own]")
@click.option("--pairs", type=click.Path(path_type=Path), help="Your own photos: a pairs.csv with lat and lon.")
@click.option("--city", "seeds", type=click.IntRange(min=0), multiple=True, help="Seed of a sample city; repeatable.")
@click.option("--places", type=click.IntRange(20), default=400, show_default=True, help="Places of each sample city.")
@click.option("--extent", "extent_m", default=1500.0, show_default=True, help="Side of each sample city, metres.")
@click.option("--stride", "stride_m", type=float, help="Of the tiles. [default: so that cells continue each other]")
@click.option(
    "--gallery",
    "sizes",
    type=click.IntRange(20),
    multiple=True,
    default=(500, 2_000, 10_000),
    show_default=True,
    help="Tiles of a gallery; more cities are laid beside one where it has too few. Repeatable.",
)
@click.option(
    "--fov", "fovs", type=click.FloatRange(10, 360), multiple=True, help="Field of view, degrees; repeatable."
)
@click.option("--footprint-m", type=float, help="With --pairs: metres of aerial image. [default: the bundle's]")
@ground_resolution_option
@click.option(
    "--outside",
    "probability_outside",
    type=click.FloatRange(0.001, 0.9),
    help="How many photos come from outside the index. [default: as before, else 0.05]",
)
@click.option("--check", is_flag=True, help="Fit nothing: hold the bundle's calibration against these photos.")
@click.option("--evidence", type=click.Path(path_type=Path), help="Folder to keep city evidence in and to reuse.")
@click.option("--out", type=click.Path(path_type=Path), help="Copy of the bundle with the new calibration.")
@click.option("--in-place", is_flag=True, help="Write the new calibration into the bundle itself.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    context: click.Context,
    /,
    bundle_path: Path | None,
    pairs: Path | None,
    seeds: tuple[int, ...],
    places: int,
    extent_m: float,
    stride_m: float | None,
    sizes: tuple[int, ...],
    fovs: tuple[float, ...],
    footprint_m: float | None,
    ground_resolution_m: float | None,
    probability_outside: float | None,
    check: bool,
    evidence: Path | None,
    out: Path | None,
    in_place: bool,
    threads: int,
    as_json: bool,
) -> None:
    """Fit what similarities are worth to photos of known place, or check it.

    With --pairs your own photos refit a bundle that has a calibration; with --city one is fitted from scratch. The
    networks and their identity stay as they are, so an index need not be built again.
    """
    if (pairs is None) == (not seeds):
        raise UsageError("Give one of --pairs FILE, your own photos, and --city SEED, sample cities.")
    if check and (out is not None or in_place):
        raise UsageError("--check fits nothing, so there is nothing to write: leave --out and --in-place out.")
    if out is not None and in_place:
        raise UsageError("Give --out DIR or --in-place, not both.")
    bundle = open_model_bundle(bundle_path or default_bundle_path())
    if check and bundle.manifest.calibration is None:
        raise UsageError(f"{bundle.manifest.title} has no calibration to check; fit one first.")
    encoder, before = OnnxEncoder(bundle, threads=threads), bundle.manifest.calibration
    lines: list[str] = []
    if pairs is not None:
        own = own_pairs(pairs)
        warn_of_unknown_scale(own, footprint_m or bundle.manifest.aerial.footprint_m, ground_resolution_m)
        gallery = own_gallery(encoder, own, footprint_m, ground_resolution_m)
        parts = [own_evidence(encoder, own, gallery, fov_deg) for fov_deg in fovs or (None,)]
        after = before
        if not check:
            found = _refit(bundle, before, parts, probability_outside)
            after, lines = found.calibration, promise_lines(found)
        rows = rows_of_own(parts, after) if after else []
    else:
        plan = Plan(seeds, places, extent_m, stride_m, fovs or CITY_FOVS_DEG, sizes)
        with _folder(evidence) as folder:
            cities = list(CityEvidence(encoder, plan, folder, _tell).parts())
        after = before
        if not check:
            share = probability_outside or (before.probability_outside if before else 0.05)
            after = calibrate([part.evidence for part in cities], share, [part.photos for part in cities])
        rows = rows_of_cities(cities, after) if after else []
    if after is not None and not check:
        words = f"sample cities {', '.join(map(str, seeds))}" if seeds else f"{pairs.name if pairs else ''}"
        after = after.model_copy(update={"fitted_on": words[:400], "command": spelled(context)[:400]})
        if out is not None or in_place:
            deliver(bundle, after, out)
            lines.append(f"Written to {out or bundle.folder}; the model's identity is unchanged.")
    _show(bundle, after, rows, lines, check, as_json)


def _refit(
    bundle: ModelBundle, before: Calibration | None, parts: list[CellEvidence], probability_outside: float | None
) -> Refit:
    if before is not None:
        share = probability_outside or before.probability_outside
        return refit(before.model_copy(update={"probability_outside": share}), parts)
    count = max(int(part.inside.sum()) for part in parts)
    if count < LEAST_TO_FIT:
        raise UsageError(
            f"{bundle.manifest.title} has no calibration to start from, and {count} photos are too few for one from "
            f"scratch; {LEAST_TO_FIT} are enough. Fit it to sample cities first: --city SEED."
        )
    return Refit(calibrate(parts, probability_outside or 0.05), count, (count + 1) // 2, count // 2)


@contextmanager
def _folder(evidence: Path | None) -> Iterator[Path]:
    if evidence is not None:
        yield evidence
        return
    with tempfile.TemporaryDirectory(prefix="skyfix-") as folder:
        yield Path(folder)


def _tell(what: str) -> None:
    click.echo(what, err=True)


def _show(
    bundle: ModelBundle, calibration: Calibration | None, rows: list[Row], lines: list[str], check: bool, as_json: bool
) -> None:
    if as_json:
        held = None if calibration is None else calibration.model_dump(mode="json")
        document = {"model": bundle.manifest.title, "rows": [asdict(row) for row in rows], "notes": lines}
        click.echo(json.dumps(document if check else {**document, "calibration": held}))
        return
    console = Console()
    for table in check_tables(bundle.manifest.title, rows, fitted=not check):
        console.print(table)
    for line in lines:
        console.print(line, highlight=False)
