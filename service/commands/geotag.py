"""`skyfix geotag`: positions for a folder of photos, beside them or in them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from index.stopping import stop_on_signals
from models.image import ImageLimits
from service.commands.localize import split_prior
from service.geotagging.options import MIN_CONFIDENCE, Options, Write
from service.geotagging.rows import MEANING, Row
from service.geotagging.run import PLAIN, Done, geotag
from service.geotagging.sidecars import Naming
from service.geotagging.told import MOST_CANDIDATES
from service.loading import load_localizer
from service.models_held import ModelsHeld
from service.parameters import from_flat
from service.pictures.background import Orthophoto

REPORT = "skyfix-geotag"
LIMITS = ImageLimits(max_pixels=120_000_000, max_side_px=30_000)
"""One's own photos may be larger than what strangers send; of a progressive JPEG 120 megapixels take up to 0.7 GB."""
MOST_LISTED = 20
EXIT_SOME_FAILED = 1


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--index", "index_path", type=click.Path(path_type=Path), required=True, help="Index folder or region.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option(
    "--write",
    type=click.Choice(["sidecar", "exif"]),
    default="sidecar",
    show_default=True,
    help="An XMP file beside each photo, or the EXIF of JPEGs.",
)
@click.option(
    "--sidecar-name",
    "naming",
    type=click.Choice(["full", "stem"]),
    default="full",
    show_default=True,
    help="photo.jpg.xmp (darktable, digiKam) or photo.xmp (Adobe).",
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=MIN_CONFIDENCE,
    show_default=True,
    help="Least probability of being within 25 m.",
)
@click.option("--prior", metavar="LAT,LON,M", help="Where all photos roughly are, and the 95 % radius in metres.")
@click.option("--fov", "fov_deg", help="Horizontal field of view of all photos; else EXIF, else 70.")
@click.option("--projection", help="perspective or panorama, of all photos.")
@click.option("--renew", is_flag=True, help="Ask again about photos that Skyfix placed.")
@click.option("--dry-run", is_flag=True, help="Write the report and nothing else.")
@click.option("--report", type=click.Path(path_type=Path), help=f"Folder of the report. [default: FOLDER/{REPORT}]")
@click.option("--orthophoto", type=click.Path(exists=True, path_type=Path), help="Imagery to draw the map on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    folder: Path,
    index_path: Path,
    bundle: Path | None,
    write: Write,
    naming: Naming,
    min_confidence: float,
    prior: str | None,
    renew: bool,
    dry_run: bool,
    report: Path | None,
    orthophoto: Path | None,
    as_json: bool,
    **flat: str | None,
) -> None:
    """Give positions to the photos in FOLDER that have none; what cannot be placed is listed.

    A position that Skyfix did not write is never changed. A run that was stopped goes on where it stopped.
    """
    fields = [(name, text) for name, text in flat.items() if text is not None]
    fields += [] if prior is None else split_prior(prior)
    query = from_flat(fields).to_query(MOST_CANDIDATES)
    options = Options(write, naming, min_confidence, renew, dry_run)
    localizer = load_localizer(index_path, ModelsHeld([bundle] if bundle else []), limits=LIMITS)
    with stop_on_signals() as stop, _progress() as progress:
        done = geotag(
            folder,
            localizer,
            query,
            options,
            report or folder / REPORT,
            background=Orthophoto([orthophoto]) if orthophoto else PLAIN,
            stopped=stop,
            progress=progress,
        )
    for notice in done.notices:
        click.echo(f"notice: {notice}", err=True)
    if as_json:
        click.echo(json.dumps(summary(done)))
    else:
        print_done(done)
    if stop():
        sys.exit(stop.exit_code)
    if done.outcomes["failed"]:
        sys.exit(EXIT_SOME_FAILED)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("photos", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def summary(done: Done) -> dict[str, object]:
    return {
        "photos": len(done.rows),
        "outcomes": dict(sorted(done.outcomes.items())),
        "written": done.new,
        "not_reached": done.left,
        "report": str(done.report),
    }


def print_done(done: Done) -> None:
    """Print how many photos came to what, and the first of those that need somebody."""
    console = Console(highlight=False)
    table = Table("outcome", "photos", box=SIMPLE_HEAD)
    for outcome, meaning in MEANING.items():
        count = done.outcomes[outcome]
        if count and outcome == "placed":
            table.add_row("placed now", str(done.new))
            table.add_row("placed earlier", str(count - done.new))
        elif count:
            table.add_row(meaning, str(count))
    if done.left:
        table.add_row("not reached: run again", str(done.left))
    console.print(table)
    open_ends = [row for row in done.rows if row.outcome in ("not_placed", "unreadable", "failed")]
    for row in open_ends[:MOST_LISTED]:
        console.print(escape(_line(row)), soft_wrap=True)
    if len(open_ends) > MOST_LISTED:
        console.print(f"... and {len(open_ends) - MOST_LISTED} more.")
    console.print(escape(f"The report is in {done.report}."), soft_wrap=True)


def _line(row: Row) -> str:
    name = "".join(c if c.isprintable() else "?" for c in row.photo)
    if row.outcome != "not_placed":
        return f"{name}: {row.code}: {row.detail}"
    best = f", best {row.candidates[0][0]:.5f} {row.candidates[0][1]:.5f}" if row.candidates else ""
    return f"{name}: {row.code}, within 25 m with {row.confidence or 0.0:.0%}{best}"
