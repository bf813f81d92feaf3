"""Fixes out of GPX and GeoJSON. Answers come one for one, so what such a file is usually forgiven is refused here."""

from __future__ import annotations

from collections.abc import Iterable

from service.correct.question import check_count
from service.correct.schema import MOST_FIXES, FixRequest
from service.errors import InvalidParameters, MalformedTrack, TrackFileInvalid, TrackFileTooLarge
from service.fleet.fix import FleetNotice
from service.parameters import parse_json_value, read_model
from service.query import Notice
from service.track_files.geojson import parse_geojson
from service.track_files.gpx import parse_gpx
from service.track_files.points import Track, TrackFile, TrackPoint
from service.track_files.values import say_time

LOSSES = frozenset({"point_invalid", "time_invalid", "lengths_differ", "geometry_invalid"})
"""Notices of a reader after which points, or what is known of them, are missing."""
MOST_NAME = 64
Read = tuple[tuple[FixRequest, ...], tuple[FleetNotice, ...]]


def read_gpx_fixes(body: bytes) -> Read:
    """Give the points of all tracks and routes; each track is a device.

    Raises:
        MalformedTrack: it is no GPX.
        InvalidParameters: it has no points, too many, or some that are none.
    """
    try:
        return _fixes(parse_gpx(body, "The GPX", most_points=MOST_FIXES))
    except TrackFileTooLarge:
        raise InvalidParameters([("fixes", f"has at most {MOST_FIXES} items.")]) from None
    except TrackFileInvalid as error:
        raise MalformedTrack(
            "The GPX cannot be read: it has to be whole XML with the root gpx and no DOCTYPE."
        ) from error


def read_geojson_fixes(body: bytes) -> Read:
    """Give the positions of all lines and of points with times.

    Raises:
        MalformedJson, DuplicateField: it is no JSON.
        MalformedTrack, InvalidParameters: as `read_gpx_fixes`.
    """
    parse_json_value(body)
    try:
        return _fixes(parse_geojson(body, "The GeoJSON", most_points=MOST_FIXES))
    except TrackFileTooLarge:
        raise InvalidParameters([("fixes", f"has at most {MOST_FIXES} items.")]) from None
    except TrackFileInvalid as error:
        raise MalformedTrack(
            "The GeoJSON cannot be read: a track is a FeatureCollection, a Feature or a LineString."
        ) from error


def _fixes(file: TrackFile) -> Read:
    lost = [notice for notice in file.notices if notice.code in LOSSES]
    if lost:
        raise InvalidParameters([("", notice.detail) for notice in lost])
    check_count(file.points, 0)
    fixes = tuple(
        fix_of_point(point, device_of(track, number) if len(file.tracks) > 1 or track.name else None)
        for number, track in enumerate(file.tracks)
        for point in track.points
    )
    return fixes, (*_about(file.notices), *_left_out(file))


def device_of(track: Track, number: int) -> str:
    """Name the device of a track: by the track's name as far as it is ASCII, and by its number among the tracks."""
    name = "".join(character for character in track.name if character.isascii() and character.isprintable())
    return name.strip()[:MOST_NAME] or f"track {number + 1}"


def fix_of_point(point: TrackPoint, device_id: str | None) -> FixRequest:
    """Give a point of a file as a fix."""
    said = {
        "device_id": device_id,
        "timestamp": None if point.timestamp is None else say_time(point.timestamp),
        "lat": point.lat,
        "lon": point.lon,
        "accuracy_m": point.accuracy_m,
        "accuracy_percentile": point.accuracy_percentile,
        "heading_deg": point.heading_deg,
        "speed_mps": point.speed_mps,
    }
    return read_model(FixRequest, {name: value for name, value in said.items() if value is not None})


def _about(notices: Iterable[Notice]) -> tuple[FleetNotice, ...]:
    return tuple(FleetNotice(notice.code, notice.detail, ()) for notice in notices)


def _left_out(file: TrackFile) -> tuple[FleetNotice, ...]:
    if not file.waypoints:
        return ()
    detail = f"{len(file.waypoints)} single places without a time were left out: they belong to no track."
    return (FleetNotice("waypoints_left_out", detail, ()),)
