"""`skyfix localize`: the answer of the service, without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from models.errors import UsageError
from service.loading import load_localizer
from service.localizer import Localizer, localize
from service.models_held import ModelsHeld
from service.parameters import NUMBER, from_flat
from service.query import Query
from service.responses import LocalizeResponse, localize_response
from service.sets.local import localize_set
from service.sets.parts import MOST_IMAGES
from service.sets.responses import LocalizeSetResponse, set_response
from service.sets.working import set_query

ASSUMED_PERCENTILE = "95"
DEFAULT_TOP_K = 5


@click.command()
@click.argument(
    "photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--index", "index_path", type=click.Path(path_type=Path), required=True, help="Index folder or region.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option("--fov", "fov_deg", help="Horizontal field of view in degrees; else EXIF, else 70.")
@click.option("--projection", help="perspective or panorama.")
@click.option("--heading", "heading_deg", help="True heading of the photo's centre; searched when left out.")
@click.option("--heading-accuracy", "heading_accuracy_deg", help="Headings within this are tried.")
@click.option("--relative-headings", metavar="DEG,...", help="Of several photos, clockwise from any common zero.")
@click.option("--pitch", "pitch_deg", help="Upward tilt in degrees.")
@click.option("--prior", metavar="LAT,LON,M", help="Rough position and its 95 % radius in metres.")
@click.option("--mode", help="auto, prior or global.")
@click.option("--use-exif-gps", "use_gps_as_prior", is_flag=True, help="Take the photo's own GPS as the prior.")
@click.option("--top-k", "top_k", help="Candidates wanted, 1 to 50, 5 by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    photos: tuple[Path, ...],
    index_path: Path,
    bundle: Path | None,
    prior: str | None,
    relative_headings: str | None,
    use_gps_as_prior: bool,
    as_json: bool,
    **flat: str | None,
) -> None:
    """Say where PHOTO was taken; several photos are taken for one place, in any order and with any headings."""
    turns = split_headings(relative_headings, len(photos))
    if relative_headings is not None and flat["heading_deg"] is not None:
        raise UsageError("--relative-headings and --heading exclude each other.")
    fields = [(name, text) for name, text in flat.items() if text is not None]
    if prior is not None:
        fields += split_prior(prior)
    if use_gps_as_prior:
        fields.append(("use_gps_as_prior", "true"))
    query = from_flat(fields).to_query(DEFAULT_TOP_K)
    localizer = load_localizer(index_path, ModelsHeld([bundle] if bundle else []))
    response = answer_here(localizer, [photo.read_bytes() for photo in photos], query, turns)
    if as_json:
        click.echo(json.dumps(response.model_dump(exclude_none=True, exclude={"request_id"}), allow_nan=False))
    else:
        print_answer(response)


def answer_here(
    localizer: Localizer, photos: Sequence[bytes], query: Query, turns: Sequence[float | None]
) -> LocalizeResponse:
    """Answer one photo, or several as a set."""
    if len(photos) == 1:
        answer, seconds = localize(localizer, photos[0], query)
        return localize_response(answer, "local", seconds)
    about = set_query([query] * len(photos), turns)
    said, views, seconds = localize_set(localizer, photos, about)
    return set_response(said, about, views, "local", seconds)


def split_headings(text: str | None, photos: int) -> list[float | None]:
    """Split DEG,DEG,... into a heading for each photo.

    Raises:
        UsageError: more photos than a set takes, or not one number from 0 below 360 for each of several.
    """
    if photos > MOST_IMAGES:
        raise UsageError(f"{photos} photos are more than the {MOST_IMAGES} that a set takes.")
    if text is None:
        return [None] * photos
    parts = [part.strip() for part in text.split(",")]
    turns = [float(part) if NUMBER.fullmatch(part) else -1.0 for part in parts]
    if len(turns) != photos or photos < 2 or not all(0.0 <= turn < 360.0 for turn in turns):
        raise UsageError("--relative-headings takes a number from 0 below 360 for each of several photos, by commas.")
    return list(turns)


def split_prior(text: str) -> list[tuple[str, str]]:
    """Split LAT,LON,M into flat fields.

    Raises:
        UsageError: there are not three parts.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise UsageError("--prior takes LAT,LON,M, for example 52.5163,13.3777,60.")
    names = ("lat", "lon", "accuracy_m", "accuracy_percentile")
    return list(zip(names, (*parts, ASSUMED_PERCENTILE), strict=True))


MEANING = {
    "localized": "One place explains the photo.",
    "ambiguous": "Several places explain the photo; the candidates say which.",
    "no_match": "No place of this index explains the photo well.",
}


def verdict(response: LocalizeResponse) -> Iterator[str]:
    """Say what a calibrated answer is worth; nothing without calibration."""
    position, heading = response.position, response.heading
    if response.confidence is None or position is None:
        return
    yield f"[bold]{response.status}[/bold]: {MEANING[str(response.status)]}"
    yield (
        f"Within {position.radius_m_68:.0f} m with 68 %, within {position.radius_m_95:.0f} m with 95 %, if it is "
        f"in the index at all; within 25 m with {response.confidence:.0%}; outside the index with "
        f"{response.probability_outside_index:.0%}."
    )
    if heading is not None and heading.accuracy_deg_68 is not None:
        yield f"Heading {heading.deg:.0f}°, within {heading.accuracy_deg_68:.0f}° with 68 %."


def of_each(response: LocalizeSetResponse) -> Iterator[str]:
    """Say how each photo of a set was turned, and what is odd about it."""
    for number, photo in enumerate(response.photos, start=1):
        told = [] if photo.heading is None else [f"heading {photo.heading.deg:.0f}°"]
        told += [f"{notice.code}: {notice.detail}" for notice in photo.notices]
        if told:
            yield f"Photo {number}: {'; '.join(told)}"


def print_answer(response: LocalizeResponse) -> None:
    """Print a table for people, and the notices below it."""
    console = Console()
    calibrated = response.confidence is not None
    table = Table(box=SIMPLE_HEAD)
    for name in ("rank", "lat", "lon", *(("probability",) if calibrated else ()), "similarity", "heading"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("tile", overflow="fold")
    for candidate in response.candidates:
        table.add_row(
            str(candidate.rank),
            f"{candidate.lat:.7f}",
            f"{candidate.lon:.7f}",
            *(() if candidate.probability is None else (f"{candidate.probability:.1%}",)),
            f"{candidate.similarity:.3f}",
            "" if candidate.heading_deg is None else f"{candidate.heading_deg:.0f}°",
            candidate.tile.id,
        )
    if response.candidates:
        console.print(table)
    else:
        console.print("The prior lies outside the index: no tile reaches into its circle.")
    for line in verdict(response):
        console.print(line, highlight=False)
    if isinstance(response, LocalizeSetResponse):
        for line in of_each(response):
            console.print(line, highlight=False)
    scanned, seconds = response.search.tiles_scanned, sum(response.timings_ms.values()) / 1000
    console.print(f"{scanned} tiles of {response.search.index} compared in {seconds:.2f} s.")
    for notice in response.notices:
        console.print(f"{notice.code}: {notice.detail}", style="dim", highlight=False)
