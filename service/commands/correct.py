"""`skyfix correct`: the fixes of a track, corrected by photos that were taken along it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.errors import UsageError
from service.correct.jobs import Corrector, Here
from service.correct.photo_times import jobs_of, open_folder, read_gap, read_offset, read_zone
from service.correct.schema import Settled
from service.correct.settled import read_settled
from service.correct.telling import print_outcome, summary
from service.correct.written import check_out, layers_of, write_out
from service.loading import load_localizer
from service.localizer import Localizer
from service.models_held import ModelsHeld
from service.pictures.background import Background, Orthophoto, PlainGround
from service.pictures.map_picture import check_picture_path, draw_map, save_picture
from service.track_files.points import TrackFile
from service.track_files.reading import read_track_file


@click.command()
@click.argument("track", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Folder.")
@click.option("--index", "index_path", type=click.Path(path_type=Path), help="Index folder or region.")
@click.option("--url", help="Ask this running service instead of an index; needs the extra `client`.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="Write .gpx, .geojson, .csv or .json; repeat for several.",
)
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw a map: .png, .jpg, .webp.")
@click.option(
    "--orthophoto",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Imagery under the picture (repeat for more); else the outlines of the index's tiles.",
)
@click.option("--max-gap", default="2s", show_default=True, help="Between a photo and the fix that it belongs to.")
@click.option("--time-offset", default="0", help="Added to the photos' times: [+-]HH:MM:SS or seconds.")
@click.option("--zone", metavar="+HH:MM", default="+00:00", show_default=True, help="Of photo times that name none.")
@click.option("--device", help="Name of the track that the photos belong to, where the file has several.")
@click.option("--fov", "fov_deg", help="Horizontal field of view in degrees; else EXIF, else 70.")
@click.option("--projection", help="perspective or panorama.")
@click.option("--yaw", "yaw_deg", help="Where the camera looks, clockwise from the direction of travel; 0 forwards.")
@click.option("--false-alarm-rate", help="Share of honest fixes that may be called outliers, 0.001 by default.")
@click.option("--no-smooth", is_flag=True, help="Correct every fix by its own photo alone.")
@click.option("--json", "as_json_", is_flag=True, help="Print one JSON object.")
def command(
    track: Path,
    photos: Path,
    index_path: Path | None,
    url: str | None,
    bundle: Path | None,
    out: tuple[Path, ...],
    picture: Path | None,
    orthophoto: tuple[Path, ...],
    max_gap: str,
    time_offset: str,
    zone: str,
    device: str | None,
    no_smooth: bool,
    as_json_: bool,
    **flat: str | None,
) -> None:
    """Correct the fixes of TRACK, a GPX or GeoJSON file, by photos taken along it, matched by their times.

    A photo between two fixes gets a fix of its own on the line between them. Positions that no photo supports stay as
    they are.
    """
    for path in out:
        check_out(path)
    if picture is not None:
        check_picture_path(picture)
    said = [(name, text) for name, text in flat.items() if text is not None]
    settled = read_settled([*said, ("smooth", "false" if no_smooth else "true")])
    file = read_track_file(track)
    folder = open_folder(photos, read_zone(zone), read_offset(time_offset))
    jobs, left = jobs_of(file, folder, read_gap(max_gap), device)
    total = sum(stop.photo is not None for job in jobs for stop in job.stops)
    with opened(index_path, url, bundle, settled) as (corrector, localizer), _progress(total) as on_photo:
        done = [corrector.correct(job, folder.read, on_photo) for job in jobs]
    for path in out:
        write_out(path, done, folder.names)
    if picture is not None:
        save_picture(draw_map(layers_of(done), _ground(orthophoto, localizer, file), title=track.name), picture)
    unmatched = [folder.names[number] for number in left]
    notices = [*file.notices, *folder.notices]
    if as_json_:
        click.echo(json.dumps(summary(done, folder, unmatched, notices), allow_nan=False))
    else:
        print_outcome(done, folder, unmatched, notices, [*out, *([picture] if picture else [])])


@contextmanager
def opened(
    index_path: Path | None, url: str | None, bundle: Path | None, settled: Settled
) -> Iterator[tuple[Corrector, Localizer | None]]:
    """Open what corrects, here or elsewhere.

    Raises:
        UsageError: both are named, or none.
    """
    if (index_path is None) == (url is None):
        raise UsageError("Name an index (--index DIR) or a running service (--url http://...), one of them.")
    if index_path is not None:
        localizer = load_localizer(index_path, ModelsHeld([bundle] if bundle else []))
        yield Here(localizer, settled), localizer
        return
    from service.client import Client
    from service.correct.by_service import ByService

    try:
        client = Client(url)
    except ValueError as error:
        raise UsageError(str(error)) from error
    with client:
        yield ByService(client, settled), None


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("photos", total=total)
        yield lambda: bar.advance(task)


def _ground(orthophoto: Sequence[Path], localizer: Localizer | None, file: TrackFile) -> Background:
    if orthophoto:
        return Orthophoto(orthophoto)
    if localizer is None or localizer.likelihoods is None:
        return PlainGround()
    places = [(point.lat, point.lon) for point in file.points]
    return PlainGround.of(localizer.likelihoods.gallery, places[:: max(1, len(places) // 50)])
