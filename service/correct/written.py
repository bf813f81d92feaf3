"""What came of tracks: as tracks again, as a table, as JSON, and as layers of a map."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.errors import UsageError
from service.correct.jobs import Done
from service.correct.matching import Stop
from service.correct.responses import corrected_out, notices_out
from service.fleet.fix import Corrected
from service.pictures.layers import CORRECTED, RAW, REJECTED, Dots, Ellipses, Layer, Line
from service.track_files.geojson_writing import geojson_bytes
from service.track_files.gpx_writing import gpx_bytes
from service.track_files.points import Track, TrackPoint
from service.track_files.values import say_time
from service.track_files.whole import write_whole

SUFFIXES = (".gpx", ".geojson", ".csv", ".json")
COLUMNS = (
    "device", "time", "status", "lat", "lon", "radius_m_68", "radius_m_95", "moved_m", "original_lat", "original_lon",
    "photo", "innovation_chi2", "confidence",
)  # fmt: skip
MOST_ELLIPSES = 150
Row = tuple[Stop, Corrected]


def check_out(path: Path) -> None:
    """Raises UsageError where the suffix names nothing that is written."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} has to end in {', '.join(SUFFIXES)}: that says what is written.")


def write_out(path: Path, done: Sequence[Done], names: Sequence[str]) -> None:
    """Write what came of tracks, whole or not at all.

    Args:
        names: of the photos, by number.
    """
    match path.suffix.lower():
        case ".gpx":
            content = gpx_bytes(*as_tracks(done, names))
        case ".geojson":
            content = geojson_bytes(*as_tracks(done, names))
        case ".csv":
            content = _table(done, names)
        case _:
            content = (json.dumps(as_json(done, names), allow_nan=False, indent=1) + "\n").encode()
    write_whole(path, content)


def rows_of(done: Sequence[Done]) -> Iterator[tuple[str | None, Stop, Corrected]]:
    for each in done:
        for stop, one in zip(each.job.stops, each.corrected, strict=True):
            yield each.job.device_id, stop, one


def as_tracks(done: Sequence[Done], names: Sequence[str]) -> tuple[list[Track], list[TrackPoint]]:
    """Give the tracks with the points they had, in the file's order, and photos between points as waypoints."""
    tracks = []
    waypoints: list[TrackPoint] = []
    for each in done:
        pairs = list(zip(each.job.stops, each.corrected, strict=True))
        own = sorted(((stop.row, stop, one) for stop, one in pairs if stop.row is not None), key=lambda found: found[0])
        tracks.append(Track(tuple(_point(stop, one) for _, stop, one in own), each.job.device_id or ""))
        waypoints += [
            replace(_point(stop, one), name=names[stop.photo])
            for stop, one in pairs
            if stop.row is None and stop.photo is not None
        ]
    return tracks, waypoints


def _point(stop: Stop, one: Corrected) -> TrackPoint:
    return replace(
        stop.point,
        lat=one.lat,
        lon=one.lon,
        accuracy_m=one.radius_m_95,
        accuracy_percentile=95.0,
        hdop=None,
        status=one.status,
    )


def _table(done: Sequence[Done], names: Sequence[str]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for device_id, stop, one in rows_of(done):
        moment = stop.point.timestamp
        writer.writerow(
            [
                _harmless(device_id or ""),
                "" if moment is None else say_time(moment),
                one.status,
                f"{one.lat:.7f}",
                f"{one.lon:.7f}",
                f"{one.radius_m_68:.1f}",
                f"{one.radius_m_95:.1f}",
                f"{one.moved_m:.2f}",
                f"{stop.point.lat:.7f}",
                f"{stop.point.lon:.7f}",
                "" if stop.photo is None else _harmless(names[stop.photo]),
                "" if one.innovation_chi2 is None else f"{one.innovation_chi2:.2f}",
                "" if one.confidence is None else f"{one.confidence:.4f}",
            ]
        )
    return stream.getvalue().encode(errors="replace")


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_json(done: Sequence[Done], names: Sequence[str]) -> dict[str, Any]:
    """Say all of it, as POST /correct does; indexes count through the devices."""
    corrected, notices, begin = [], [], 0
    for each in done:
        for place, (stop, fix, one) in enumerate(zip(each.job.stops, each.job.fixes, each.corrected, strict=True)):
            told = corrected_out(fix, one, begin + place).model_dump(mode="json", exclude_none=True)
            photo = {} if stop.photo is None else {"photo": names[stop.photo]}
            corrected.append({**told, **photo, "interpolated": stop.row is None})
        notices += [replace(n, fix_indexes=tuple(begin + index for index in n.fix_indexes)) for n in each.notices]
        begin += len(each.corrected)
    return {"corrected": corrected, "notices": [notice.model_dump(mode="json") for notice in notices_out(notices)]}


def layers_of(done: Sequence[Done]) -> list[Layer]:
    """Draw the fixes, the corrected track, what was rejected, and 95 % ellipses of what photos moved."""
    rows = [(stop, one) for _, stop, one in rows_of(done)]
    moved = [one for _, one in rows if one.status == "corrected"]
    shown = moved[:: -(-len(moved) // MOST_ELLIPSES) or 1]
    rejected = [(one.lat, one.lon) for _, one in rows if one.status == "rejected_outlier"]
    raw = [[(stop.point.lat, stop.point.lon) for stop in each.job.stops] for each in done]
    along = [[(one.lat, one.lon) for one in each.corrected if one.status != "rejected_outlier"] for each in done]
    places, covariances = [(one.lat, one.lon) for one in shown], [one.covariance_enu_m2 for one in shown]
    layers: list[Layer] = [Line("fixes", RAW, raw, width_px=2.0), Line("corrected", CORRECTED, along)]
    if shown:
        layers.insert(0, Ellipses("there with 95 %", CORRECTED, places, covariances))
    if rejected:
        layers.append(Dots("rejected", REJECTED, rejected, fits=False))
    return layers
