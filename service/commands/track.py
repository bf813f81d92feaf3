"""`skyfix track`: where a moving camera was, photo after photo, from a folder or a film."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from index.stopping import stop_on_signals
from models.errors import UsageError
from service.commands.localize import split_prior
from service.loading import load_localizer
from service.localizer import Localizer
from service.models_held import ModelsHeld
from service.parameters import from_flat
from service.pictures.background import Background, Orthophoto, PlainGround
from service.pictures.map_picture import check_picture_path, draw_map, save_picture
from service.query import Notice, make_prior
from service.track_files.following import Followed, Follower, PhotoReader
from service.track_files.frames import Frames, open_frames
from service.track_files.geojson_writing import write_geojson
from service.track_files.gpx_writing import write_gpx
from service.track_files.movement_log import read_movement
from service.track_files.outcome import layers_of, point_of, track_of, undecided
from service.track_files.points import TrackPoint
from service.track_files.reading import read_track_file
from service.track_files.values import read_time, say_time
from service.tracking.step import Fix

ZONE = re.compile(r"([+-])(\d\d):?(\d\d)")
MEANING = {
    "localized": "placed",
    "outside_coverage": "carried on outside the imagery",
    "ambiguous": "undecided: several places fit",
    "no_match": "not placed",
}
TRACK_NAME = "skyfix"


@click.command()
@click.argument("source", metavar="DIR|FILM", type=click.Path(exists=True, path_type=Path))
@click.option("--index", "index_path", type=click.Path(path_type=Path), required=True, help="Index folder or region.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option("--gpx", type=click.Path(dir_okay=False, path_type=Path), help="Write the track as GPX.")
@click.option("--geojson", type=click.Path(dir_okay=False, path_type=Path), help="Write the track as GeoJSON.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the track: .png, .jpg, .webp.")
@click.option(
    "--orthophoto",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Imagery under the picture (repeat for more); else the outlines of the index's tiles.",
)
@click.option("--fov", "fov_deg", help="Horizontal field of view in degrees; else EXIF, else 70.")
@click.option("--projection", help="perspective or panorama.")
@click.option("--every", "every_s", type=float, help="Seconds between photos; of a film 1, of a folder all.")
@click.option("--fps", type=float, help="Photos a second of a folder, in the order of names, whatever they say.")
@click.option("--keyframes", is_flag=True, help="Decode only the key frames of a film: far quicker.")
@click.option("--begin", metavar="TIME", help="When the first photo was taken, ISO 8601, whatever it says.")
@click.option("--zone", metavar="+HH:MM", default="+00:00", show_default=True, help="Of times that name none.")
@click.option("--start", metavar="LAT,LON,M", help="Where it begins, and the 95 % radius in metres.")
@click.option(
    "--fixes", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="GPX or GeoJSON of a receiver."
)
@click.option("--use-exif-gps", is_flag=True, help="Take the GPS of each photo, and where a film begins, as fixes.")
@click.option(
    "--odometry",
    "--speed",
    "movement",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV: time,forward_m,turn_deg or time,speed_mps[,heading_deg].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    source: Path,
    index_path: Path,
    bundle: Path | None,
    gpx: Path | None,
    geojson: Path | None,
    picture: Path | None,
    orthophoto: tuple[Path, ...],
    every_s: float | None,
    fps: float | None,
    keyframes: bool,
    begin: str | None,
    zone: str,
    start: str | None,
    fixes: Path | None,
    use_exif_gps: bool,
    movement: Path | None,
    as_json: bool,
    **flat: str | None,
) -> None:
    """Follow a camera through its photos: a folder in the order of their times, or a film.

    Each photo is weighed against where the ones before it and the movement lead. When stopped, what is done by then is
    written.
    """
    if picture is not None:
        check_picture_path(picture)
    query = from_flat([(name, text) for name, text in flat.items() if text is not None]).to_query(1)
    query = replace(query, use_exif_gps=use_exif_gps)
    begins = _start(start)
    frames = open_frames(source, every_s=every_s, fps=fps, start=_moment(begin), zone=_zone(zone), keyframes=keyframes)
    read = None if fixes is None else read_track_file(fixes)
    log = None if movement is None else read_movement(movement)
    if begins is None and use_exif_gps and frames.position is not None:
        said = make_prior(frames.position.lat, frames.position.lon, frames.position.accuracy_m, None, None)
        begins = Fix(said.lat, said.lon, said.sigma_m or said.radius_m)
    localizer = load_localizer(index_path, ModelsHeld([bundle] if bundle else []))
    reader = PhotoReader(localizer, query)
    follower = Follower(reader.tracker, reader, () if read is None else read.points, log, begins)
    followed: list[Followed] = []
    with stop_on_signals() as stop, _progress(frames.count) as on_step:
        for one in follower.follow(frames):
            followed.append(one)
            on_step(len(followed))
            if stop():
                break
    notices = [*(read.notices if read else ()), *frames.notices, *reader.notices.values(), *follower.notices]
    files = {"gpx": gpx, "geojson": geojson, "picture": picture}
    track, open_points = track_of(followed, TRACK_NAME), undecided(followed)
    if gpx is not None:
        write_gpx(gpx, [track], open_points)
    if geojson is not None:
        write_geojson(geojson, [track], open_points)
    if picture is not None and not _draw(picture, followed, follower.used_fixes, orthophoto, localizer, frames.title):
        notices.append(
            Notice("no_picture", "No photo was placed and there were no fixes, so there is nothing to draw.")
        )
        files["picture"] = None
    if as_json:
        click.echo(json.dumps(summary(followed, notices, follower.rejected, files), allow_nan=False))
    else:
        print_outcome(frames, followed, notices, follower.rejected, files)
    if stop():
        sys.exit(stop.exit_code)


def _start(text: str | None) -> Fix | None:
    """Read LAT,LON,M as a fix."""
    if text is None:
        return None
    prior = from_flat(split_prior(text)).to_query(1).prior
    if prior is None or prior.sigma_m is None:
        raise UsageError("--start takes LAT,LON,M, for example 52.5163,13.3777,60.")
    return Fix(prior.lat, prior.lon, prior.sigma_m)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    read = read_time(text)
    if read is None:
        raise UsageError(f"--begin takes a time such as 2026-11-21T20:23:10Z, not {text!r}.")
    return read[0]


def _zone(text: str) -> timezone:
    found = ZONE.fullmatch(text)
    if found is None or int(found[2]) > 14 or int(found[3]) > 59:
        raise UsageError(f"--zone takes an offset such as +02:00, not {text!r}.")
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(ahead if found[1] == "+" else -ahead) if ahead else UTC


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("photos", total=total)
        yield lambda done: bar.update(task, completed=done)


def _draw(
    picture: Path,
    followed: Sequence[Followed],
    fixes: Sequence[TrackPoint],
    orthophoto: Sequence[Path],
    localizer: Localizer,
    title: str,
) -> bool:
    """Draw the track; False where there is nothing to draw."""
    layers = layers_of(followed, fixes)
    if not layers:
        return False
    background: Background = Orthophoto(orthophoto)
    if not orthophoto:
        places = [(point.lat, point.lon) for point in (*(p for p in map(point_of, followed) if p), *fixes)]
        gallery = localizer.likelihoods.gallery if localizer.likelihoods else None
        background = PlainGround() if gallery is None else PlainGround.of(gallery, places[:: max(1, len(places) // 50)])
    save_picture(draw_map(layers, background, title=title), picture)
    return True


def summary(
    followed: Sequence[Followed],
    notices: Sequence[Notice],
    of_steps: Counter[str],
    files: dict[str, Path | None],
) -> dict[str, Any]:
    """Say what came of it, for machines."""
    return {
        "photos": len(followed),
        "statuses": dict(Counter(one.step.estimate.status for one in followed)),
        "steps": [_told(one) for one in followed],
        "notices": [{"code": notice.code, "detail": notice.detail} for notice in notices],
        "step_notices": dict(sorted(of_steps.items())),
        "files": {kind: str(path) for kind, path in files.items() if path is not None},
    }


def _told(one: Followed) -> dict[str, Any]:
    estimate, point = one.step.estimate, point_of(one)
    said: dict[str, Any] = {
        "name": one.name,
        "seconds": round(one.seconds, 3),
        "timestamp": None if one.timestamp is None else say_time(one.timestamp),
        "status": estimate.status,
        "confidence": round(estimate.confidence, 4),
        "notices": [notice.code for notice in one.step.notices],
    }
    if point is not None:
        said |= {
            "lat": round(point.lat, 7),
            "lon": round(point.lon, 7),
            "radius_m_68": round(estimate.radius_m_68, 1),
            "radius_m_95": round(estimate.radius_m_95, 1),
            "heading_deg": None if point.heading_deg is None else round(point.heading_deg, 1),
        }
    return said


def print_outcome(
    frames: Frames,
    followed: Sequence[Followed],
    notices: Sequence[Notice],
    of_steps: Counter[str],
    files: dict[str, Path | None],
) -> None:
    """Print how many photos came to what, the notices, and what was written."""
    console = Console(highlight=False)
    console.print(escape(frames.title), soft_wrap=True)
    table = Table("outcome", "photos", "median 95 % radius", box=SIMPLE_HEAD)
    for status, meaning in MEANING.items():
        radii = sorted(one.step.estimate.radius_m_95 for one in followed if one.step.estimate.status == status)
        if radii:
            table.add_row(meaning, str(len(radii)), "" if status == "no_match" else f"{radii[len(radii) // 2]:.0f} m")
    console.print(table)
    for code, count in sorted(of_steps.items()):
        console.print(f"{count} x {code}", style="dim")
    for notice in notices:
        console.print(escape(f"{notice.code}: {notice.detail}"), style="dim", soft_wrap=True)
    for path in files.values():
        if path is not None:
            console.print(escape(f"written: {path}"), soft_wrap=True)
