"""Tracks written as GeoJSON (RFC 7946): a LineString a segment, with times and whatever is known of each position.

A segment of one position is a Point. A line is cut where it crosses the antimeridian; both parts keep the number of
their segment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from service.track_files.geojson import WAYPOINT
from service.track_files.points import Track, TrackPoint
from service.track_files.values import say_time
from service.track_files.whole import write_whole

HALF_TURN_DEG = 180.0
Value = Callable[[TrackPoint], Any]
BESIDE: dict[str, Value] = {
    "accuracy_m": lambda point: _rounded(point.accuracy_m, 2),
    "accuracy_percentile": lambda point: point.accuracy_percentile,
    "hdop": lambda point: _rounded(point.hdop, 2),
    "heading_deg": lambda point: _rounded(point.heading_deg, 2),
    "speed_mps": lambda point: _rounded(point.speed_mps, 2),
    "name": lambda point: point.name or None,
    "status": lambda point: point.status or None,
}


def write_geojson(path: Path, tracks: Sequence[Track], waypoints: Sequence[TrackPoint] = ()) -> None:
    """Write a GeoJSON file, whole or not at all.

    Raises:
        DiskFull, OutputUnwritable: naming the file.
    """
    write_whole(path, geojson_bytes(tracks, waypoints))


def geojson_bytes(tracks: Sequence[Track], waypoints: Sequence[TrackPoint] = ()) -> bytes:
    """Give the file's content, one feature a line. Positions have seven decimals."""
    features = [*_tracks(tracks), *map(_waypoint, waypoints)]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'.encode(errors="replace")


def _tracks(tracks: Sequence[Track]) -> Iterator[dict[str, Any]]:
    for number, track in enumerate(tracks):
        name = {"track_name": track.name} if track.name else {}
        for segment in track.segments():
            for run in _cut(segment):
                own = {**name, "track": number, "segment": segment[0].segment}
                if len(run) == 1:
                    yield _feature(_point(run[0]), own | _said(run[0]))
                else:
                    line = {"type": "LineString", "coordinates": [_position(point) for point in run]}
                    yield _feature(line, own | _beside(run))


def _waypoint(point: TrackPoint) -> dict[str, Any]:
    return _feature(_point(point), {"kind": WAYPOINT} | _said(point))


def _cut(segment: Sequence[TrackPoint]) -> Iterator[Sequence[TrackPoint]]:
    start = 0
    for stop in range(1, len(segment) + 1):
        if stop == len(segment) or abs(segment[stop].lon - segment[stop - 1].lon) > HALF_TURN_DEG:
            yield segment[start:stop]
            start = stop


def _beside(run: Sequence[TrackPoint]) -> dict[str, Any]:
    """Give lists as long as the line; none where nothing is known of any position."""
    times = [_time(point) for point in run]
    lists = {name: [value(point) for point in run] for name, value in BESIDE.items()}
    known = {name: values for name, values in lists.items() if any(value is not None for value in values)}
    timed = {"coordTimes": times} if any(times) else {}
    return timed | ({"coordinateProperties": known} if known else {})


def _said(point: TrackPoint) -> dict[str, Any]:
    said = {"time": _time(point)} | {name: value(point) for name, value in BESIDE.items()}
    return {name: value for name, value in said.items() if value is not None}


def _time(point: TrackPoint) -> str | None:
    return None if point.timestamp is None else say_time(point.timestamp)


def _point(point: TrackPoint) -> dict[str, Any]:
    return {"type": "Point", "coordinates": _position(point)}


def _position(point: TrackPoint) -> list[float]:
    place = [round(point.lon, 7), round(point.lat, 7)]
    return place if point.elevation_m is None else [*place, round(point.elevation_m, 2)]


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
