"""Tracks as GeoJSON (RFC 7946): lines with a time for each position, as togeojson writes them.

Times stand in `properties.coordTimes`, or in `properties.coordinateProperties.times` as newer versions have it; of a
MultiLineString as one list a line. Whatever else is known of each position stands beside the times in
`coordinateProperties`. Points in a row that have a time in their properties are a track; one without, or of `kind`
waypoint, is a waypoint. Features in a row with the same number `track` in their properties are one track, and with the
same `segment` one segment of it, as Skyfix writes them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.errors import TrackFileInvalid
from service.track_files.points import Oddities, Track, TrackFile, TrackPoint
from service.track_files.values import read_heading, read_length, read_number, read_position, read_time
from service.track_files.whole import MOST_POINTS, check_points, check_size, read_whole

TIMES = ("time", "timestamp", "times")
NAMES = {
    "accuracy_m": ("accuracy_m", "accuracy", "accuracies"),
    "accuracy_percentile": ("accuracy_percentile", "accuracy_percentiles"),
    "hdop": ("hdop", "hdops"),
    "heading_deg": ("heading_deg", "heading", "course", "headings", "courses"),
    "speed_mps": ("speed_mps", "speed", "speeds"),
    "status": ("status",),
}
"""Fields of a TrackPoint, and what they are called in properties of a Point or in lists of `coordinateProperties`."""
WAYPOINT = "waypoint"
Key = tuple[int, ...] | None
LOOSE: Key = ()
"""Of single points in a row."""
EARLIEST_MS = 100_000_000_000
"""Numbers from here on are milliseconds since 1970, below it seconds."""


def read_geojson(path: Path) -> TrackFile:
    """Read a GeoJSON file; see `parse_geojson`."""
    return parse_geojson(read_whole(path), str(path))


def parse_geojson(data: bytes, name: str = "The GeoJSON", *, most_points: int = MOST_POINTS) -> TrackFile:
    """Read the lines and points of a FeatureCollection, a Feature or a bare geometry, in the order of the file.

    Each line is a segment. A position that is nowhere on Earth, a time that is none, and lists that are not as long as
    their line are left out with a notice; other geometries are passed over.

    Args:
        data: the file, UTF-8.
        name: names the file in messages.

    Raises:
        TrackFileTooLarge: it has more bytes or points than are read.
        TrackFileInvalid: it is no GeoJSON, or is damaged.
    """
    check_size(name, data)
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = "no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:80]
        raise TrackFileInvalid(f"{name} is no JSON: {why}. Send a GeoJSON file in UTF-8.") from error
    reader = _Reader(name, most_points)
    for number, feature in enumerate(_features(name, value)):
        reader.take(feature, f"feature {number}")
    return reader.found()


def _features(name: str, value: Any) -> list[Any]:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "FeatureCollection" and isinstance(value.get("features"), list):
        return list(value["features"])
    if kind == "Feature":
        return [value]
    if kind in ("Point", "MultiPoint", "LineString", "MultiLineString", "GeometryCollection"):
        return [{"type": "Feature", "geometry": value, "properties": {}}]
    found = f"type {str(kind)[:40]!r}" if kind else f"a JSON {type(value).__name__} without a type"
    raise TrackFileInvalid(f"{name} is {found}. A track is a FeatureCollection, a Feature or a LineString.")


class _Reader:
    """Takes feature after feature."""

    def __init__(self, name: str, most_points: int) -> None:
        self._name, self._most_points, self._oddities = name, most_points, Oddities()
        self._tracks: list[Track] = []
        self._waypoints: list[TrackPoint] = []
        self._open: list[TrackPoint] = []
        self._open_name = ""
        self._open_key: Key = None
        self._mark: Key = None
        self._segment, self._count = -1, 0

    def found(self) -> TrackFile:
        self._close()
        return TrackFile(tuple(self._tracks), tuple(self._waypoints), self._oddities.notices())

    def take(self, feature: Any, where: str) -> None:
        geometry, properties = _member(feature, "geometry"), _member(feature, "properties")
        kind = geometry.get("type")
        if kind == "Point":
            self._take_point(geometry.get("coordinates"), properties, where)
        elif kind in ("LineString", "MultiPoint"):
            self._take_lines([geometry.get("coordinates")], properties, where)
        elif kind == "MultiLineString":
            self._take_lines(geometry.get("coordinates"), properties, where)
        elif kind is not None:
            self._oddities.add("geometry_ignored", "geometry passed over that is neither line nor point", where)

    def _take_point(self, position: Any, properties: dict[str, Any], where: str) -> None:
        time = _first(properties, TIMES)
        point = self._point(position, time, where)
        if point is None:
            return
        said = {field: _first(properties, names) for field, names in NAMES.items()}
        point, key, mark = _with(point, said, properties.get("name")), *_keys(properties)
        if key is not None:
            self._extend([replace(point, segment=self._number(mark))], key, _text(properties.get("track_name")) or "")
        elif time is not None and properties.get("kind") != WAYPOINT:
            self._extend([replace(point, segment=self._number(LOOSE))], LOOSE, "")
        else:
            self._waypoints.append(point)

    def _take_lines(self, lines: Any, properties: dict[str, Any], where: str) -> None:
        if not isinstance(lines, list) or not all(isinstance(line, list) for line in lines):
            self._oddities.add("geometry_invalid", "geometry without coordinates left out", where)
            return
        beside = _member(properties, "coordinateProperties")
        times = properties.get("coordTimes") or beside.get("times") or properties.get("times")
        lists = {"times": times, "name": beside.get("name")}
        lists |= {field: _first(beside, names) for field, names in NAMES.items()}
        points: list[TrackPoint] = []
        key, mark = _keys(properties)
        for number, line in enumerate(lines):
            segment, single = self._number(mark), len(lines) == 1
            said = {
                field: self._aligned(values, number, single, len(line), field, where) for field, values in lists.items()
            }
            for row, position in enumerate(line):
                here = {field: values[row] for field, values in said.items() if values}
                point = self._point(position, here.get("times"), f"{where}, position {row}")
                if point is not None:
                    points.append(replace(_with(point, here, here.get("name")), segment=segment))
        if points:
            self._extend(points, key, _text(properties.get("track_name") or properties.get("name")) or "")

    def _number(self, mark: Key) -> int:
        """Number the segment that a feature belongs to; without a mark it is one of its own."""
        if mark is None or mark != self._mark:
            self._segment += 1
        self._mark = mark
        return self._segment

    def _extend(self, points: list[TrackPoint], key: Key, name: str) -> None:
        if key is None or key != self._open_key:
            self._close()
            self._open_name, self._open_key = name, key
        self._open += points

    def _close(self) -> None:
        if self._open:
            self._tracks.append(Track(tuple(self._open), self._open_name))
            self._open = []

    def _aligned(self, values: Any, number: int, single: bool, length: int, what: str, where: str) -> list[Any] | None:
        """Give the list that belongs to a line: its own among several, or the only one."""
        if not isinstance(values, list) or not values:
            return None
        if not single or (isinstance(values[0], list) and len(values) == 1):
            values = values[number] if number < len(values) else None
        if isinstance(values, list) and len(values) == length:
            return values
        self._oddities.add("lengths_differ", f"list of {what} left out that is not as long as its line", where)
        return None

    def _point(self, position: Any, time: Any, where: str) -> TrackPoint | None:
        self._count += 1
        check_points(self._name, self._count, self._most_points)
        place = None
        if isinstance(position, list) and len(position) >= 2 and not isinstance(position[0], str):
            place = read_position(position[1], position[0])
        if place is None:
            what = "position left out that is no [lon, lat] in degrees"
            self._oddities.add("point_invalid", what, where)
            return None
        elevation = read_number(position[2]) if len(position) > 2 else None
        return TrackPoint(*place, timestamp=self._moment(time, where), elevation_m=elevation)

    def _moment(self, time: Any, where: str) -> datetime | None:
        if time is None or time == "":
            return None
        moment, has_zone = _epoch(time) or read_time(time) or (None, True)
        if moment is None:
            self._oddities.add("time_invalid", "time that is none passed over", where)
        elif not has_zone:
            self._oddities.add("time_zone_assumed", "time without zone taken for UTC", where)
        return moment


def _epoch(time: Any) -> tuple[datetime, bool] | None:
    """Read seconds or milliseconds since 1970."""
    value = None if isinstance(time, str) else read_number(time)
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if abs(value) >= EARLIEST_MS else value, UTC), True
    except (ValueError, OverflowError, OSError):
        return None


def _member(value: Any, name: str) -> dict[str, Any]:
    """Give the object of this name; an empty one where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _keys(properties: dict[str, Any]) -> tuple[Key, Key]:
    """Give what track, and what segment of it, a feature says that it belongs to."""
    track, segment = properties.get("track"), properties.get("segment")
    if not isinstance(track, int):
        return None, None
    return (track,), (track, segment) if isinstance(segment, int) else None


def _first(said: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((said[name] for name in names if said.get(name) is not None), None)


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None


def _with(point: TrackPoint, said: dict[str, Any], name: Any) -> TrackPoint:
    """Add what is said of a point beside its position and time."""
    accuracy_m, percentile = read_length(said.get("accuracy_m")) or None, read_number(said.get("accuracy_percentile"))
    return replace(
        point,
        accuracy_m=accuracy_m,
        accuracy_percentile=percentile if accuracy_m and percentile and 0.0 < percentile < 100.0 else None,
        hdop=read_length(said.get("hdop")),
        heading_deg=read_heading(said.get("heading_deg")),
        speed_mps=read_length(said.get("speed_mps")),
        name=_text(name),
        status=_text(said.get("status")),
    )
