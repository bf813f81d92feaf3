"""A file of tracks of either kind, known by what it holds and not by its name."""

from __future__ import annotations

from pathlib import Path

from service.errors import TrackFileInvalid
from service.track_files.geojson import parse_geojson
from service.track_files.gpx import parse_gpx
from service.track_files.points import TrackFile
from service.track_files.whole import MOST_POINTS, read_whole

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_track_file(path: Path) -> TrackFile:
    """Read a GPX or GeoJSON file.

    Raises:
        TrackFileInvalid, TrackFileTooLarge: see `parse_gpx` and `parse_geojson`.
    """
    return parse_track_file(read_whole(path), str(path))


def parse_track_file(data: bytes, name: str = "The file", *, most_points: int = MOST_POINTS) -> TrackFile:
    """Read the content of a GPX or GeoJSON file."""
    first = data[:1024].removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    if first in (b"{", b"["):
        return parse_geojson(data, name, most_points=most_points)
    if first == b"<" or data[:2] in (b"\xff\xfe", b"\xfe\xff") or name.lower().endswith(".gpx"):
        return parse_gpx(data, name, most_points=most_points)
    raise TrackFileInvalid(f"{name} is neither GPX nor GeoJSON. Export the track as one of these.")
