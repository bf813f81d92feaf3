"""Tracks as GeoJSON, as other programs write them and as Skyfix does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.errors import TrackFileInvalid, TrackFileTooLarge
from service.track_files.geojson import parse_geojson, read_geojson
from service.track_files.geojson_writing import geojson_bytes, write_geojson
from service.track_files.gpx_writing import gpx_bytes
from service.track_files.points import Track, TrackFile, TrackPoint
from service.track_files.reading import parse_track_file
from tests.service.track_files.test_gpx import FULL

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)
TIME = "2026-11-21T20:23:10Z"


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def line(*positions: Any) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": list(positions)}


def lines(*parts: Any) -> dict[str, Any]:
    return {"type": "MultiLineString", "coordinates": list(parts)}


def point(*position: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(position)}


def read(*features: Any) -> TrackFile:
    return parse_geojson(json.dumps({"type": "FeatureCollection", "features": list(features)}).encode())


@pytest.mark.parametrize(
    "properties",
    [
        {"coordTimes": [TIME, "2026-11-21T21:23:11+01:00"]},
        {"coordinateProperties": {"times": [TIME, "2026-11-21T20:23:11Z"]}},
        {"coordTimes": [AT.timestamp() * 1000, AT.timestamp() + 1]},
        {"times": [TIME, "2026-11-21T20:23:11Z"]},
        {"coordTimes": [[TIME, "2026-11-21T20:23:11Z"]]},
    ],
)
def test_times_of_a_line(properties: dict[str, Any]) -> None:
    found = read(feature(line([13.0, 52.0, 34.5], [13.1, 52.1]), name="van", **properties))
    first, second = found.points
    assert (first.lat, first.lon, first.elevation_m, first.timestamp) == (52.0, 13.0, 34.5, AT)
    assert second.timestamp == AT.replace(second=11)
    assert (found.tracks[0].name, found.notices) == ("van", ())


def test_several_lines_are_segments_with_lists_of_their_own() -> None:
    times, speeds = [[TIME, TIME], [TIME]], [[1, 2], [3]]
    found = read(
        feature(
            lines([[1, 2], [3, 4]], [[5, 6]]), coordTimes=times, coordinateProperties={"speeds": speeds, "hearts": 1}
        ),
        feature(line([7, 8], [9, 10])),
    )
    assert [(p.lon, p.segment, p.speed_mps) for p in found.points] == [
        (1, 0, 1), (3, 0, 2), (5, 1, 3), (7, 2, None), (9, 2, None),
    ]  # fmt: skip
    assert len(found.tracks) == 2


def test_points_with_times_are_a_track_and_without_are_waypoints() -> None:
    found = read(
        feature(point(1, 2), time=TIME, accuracy=9, speed=3.5, heading=370),
        feature(point(1, 3), timestamp=TIME, accuracy=-1),
        feature(point(5, 5), name="home"),
    )
    (track,) = found.tracks
    assert track.points == (
        TrackPoint(2, 1, AT, accuracy_m=9, speed_mps=3.5, heading_deg=10),
        TrackPoint(3, 1, AT),
    )
    assert found.waypoints == (TrackPoint(5, 5, name="home"),)


def test_bare_geometries_and_features() -> None:
    for value in (line([1, 2], [3, 4]), feature(line([1, 2], [3, 4]))):
        assert [p.lat for p in parse_geojson(json.dumps(value).encode()).points] == [2, 4]


@pytest.mark.parametrize(
    ("odd", "code", "kept"),
    [
        (feature(line([1, 2], [3, 4]), coordTimes=[TIME]), "lengths_differ", 2),
        (feature(line([1, 2], [3, 4]), coordTimes=[TIME, "noon"]), "time_invalid", 2),
        (feature(line([1, 2], [3, 4]), coordTimes=[TIME, "2026-11-21T20:23:10"]), "time_zone_assumed", 2),
        (feature(line([1, 2], [3, 91])), "point_invalid", 1),
        (feature(line([1, 2], ["3", "4"], [None, 1], [True, 1], 7, [1])), "point_invalid", 1),
        (feature(line([1, 2], [1e400, 4])), "point_invalid", 1),
        (feature({"type": "Polygon", "coordinates": []}), "geometry_ignored", 0),
        (feature({"type": "LineString"}), "geometry_invalid", 0),
        (feature(lines(1, 2)), "geometry_invalid", 0),
    ],
)
def test_what_is_odd_is_told_and_the_rest_is_kept(odd: Any, code: str, kept: int) -> None:
    found = read(odd)
    assert len(found.points) == kept
    assert [notice.code for notice in found.notices] == [code]


@pytest.mark.parametrize("odd", [None, 7, {}, feature(None), {"type": "Feature", "properties": 3}])
def test_features_without_geometry_are_nothing(odd: Any) -> None:
    assert read(odd) == TrackFile(())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        ('{"type": "ü"}'.encode("latin-1"), "no UTF-8"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "list without a type"),
        (b'{"type": "Topology"}', "Topology"),
        (b'{"type": "FeatureCollection"}', "A track is"),
    ],
)
def test_what_is_no_geojson_says_why(data: bytes, words: str) -> None:
    with pytest.raises(TrackFileInvalid, match=words):
        parse_geojson(data)


def test_the_limit_of_points() -> None:
    data = json.dumps(line(*[[1, 2]] * 5)).encode()
    with pytest.raises(TrackFileTooLarge, match="more than 4 points"):
        parse_geojson(data, most_points=4)
    assert len(parse_geojson(data, most_points=5).points) == 5


def test_what_is_written_reads_back_as_it_was(tmp_path: Path) -> None:
    first = (FULL, TrackPoint(0.0, -179.9, AT), TrackPoint(0.0, 179.9, AT), TrackPoint(1e-7, 13.0, segment=1))
    tracks = (
        Track(first, "corrected"),
        Track((TrackPoint(90.0, 0.0, AT, segment=2), TrackPoint(89.0, 0.0, segment=2, accuracy_m=3.0))),
    )
    write_geojson(tmp_path / "out.geojson", tracks, [FULL])
    found = read_geojson(tmp_path / "out.geojson")
    assert (found.tracks, found.waypoints, found.notices) == (tracks, (FULL,), ())


def test_no_line_goes_round_the_world() -> None:
    points = tuple(TrackPoint(0.0, lon) for lon in (179.8, 179.9, -179.9, -179.8))
    features = json.loads(geojson_bytes([Track(points)]))["features"]
    assert [f["geometry"]["coordinates"] for f in features] == [[[179.8, 0], [179.9, 0]], [[-179.9, 0], [-179.8, 0]]]


@pytest.mark.parametrize("write", [gpx_bytes, geojson_bytes])
def test_a_file_is_known_by_what_it_holds(write: Any) -> None:
    tracks = (Track((FULL, FULL), "a"),)
    assert parse_track_file(b"\xef\xbb\xbf" + write(tracks), "x.txt").tracks == tracks
    with pytest.raises(TrackFileInvalid, match="neither GPX nor GeoJSON"):
        parse_track_file(b"lat,lon\n1,2\n", "x.csv")
