"""GPX 1.1 written: tracks with times, and in an extension of each point its radius and what became of it.

The order of elements is the schema's (topografix.com/GPX/1/1/gpx.xsd). Speed and course stand in Garmin's
TrackPointExtension 2, which other programs read; radius and status in Skyfix' own namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from service.track_files.points import Track, TrackPoint
from service.track_files.values import say_time
from service.track_files.whole import write_whole

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="skyfix" xmlns="http://www.topografix.com/GPX/1/1" '
    'xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2" xmlns:skyfix="urn:skyfix:gpx:1">\n'
)
NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def write_gpx(path: Path, tracks: Sequence[Track], waypoints: Sequence[TrackPoint] = ()) -> None:
    """Write a GPX file, whole or not at all.

    Raises:
        DiskFull, OutputUnwritable: naming the file.
    """
    write_whole(path, gpx_bytes(tracks, waypoints))


def gpx_bytes(tracks: Sequence[Track], waypoints: Sequence[TrackPoint] = ()) -> bytes:
    """Give the file's content. Positions have seven decimals, a centimetre; lengths two."""
    return "".join([HEAD, *_body(tracks, waypoints), "</gpx>\n"]).encode()


def _body(tracks: Sequence[Track], waypoints: Sequence[TrackPoint]) -> Iterator[str]:
    for point in waypoints:
        yield _point("wpt", point, "  ")
    for track in tracks:
        yield "  <trk>\n"
        if track.name:
            yield f"    <name>{_said(track.name)}</name>\n"
        for segment in track.segments():
            yield "    <trkseg>\n"
            for point in segment:
                yield _point("trkpt", point, "      ")
            yield "    </trkseg>\n"
        yield "  </trk>\n"


def _point(element: str, point: TrackPoint, indent: str) -> str:
    parts = []
    if point.elevation_m is not None:
        parts.append(f"<ele>{_number(point.elevation_m)}</ele>")
    if point.timestamp is not None:
        parts.append(f"<time>{say_time(point.timestamp)}</time>")
    if point.name:
        parts.append(f"<name>{_said(point.name)}</name>")
    if point.hdop is not None:
        parts.append(f"<hdop>{_number(point.hdop)}</hdop>")
    if extensions := _extensions(point):
        parts.append(f"<extensions>{extensions}</extensions>")
    return f'{indent}<{element} lat="{point.lat:.7f}" lon="{point.lon:.7f}">{"".join(parts)}</{element}>\n'


def _extensions(point: TrackPoint) -> str:
    moving = ""
    if point.speed_mps is not None:
        moving += f"<gpxtpx:speed>{_number(point.speed_mps)}</gpxtpx:speed>"
    if point.heading_deg is not None:
        moving += f"<gpxtpx:course>{_number(point.heading_deg)}</gpxtpx:course>"
    text = f"<gpxtpx:TrackPointExtension>{moving}</gpxtpx:TrackPointExtension>" if moving else ""
    if point.accuracy_m is not None:
        percentile = point.accuracy_percentile
        at = "" if percentile is None else f' percentile="{percentile:g}"'
        text += f"<skyfix:accuracy{at}>{_number(point.accuracy_m)}</skyfix:accuracy>"
    if point.status:
        text += f"<skyfix:status>{_said(point.status)}</skyfix:status>"
    return text


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _said(text: str) -> str:
    return escape(NOT_XML.sub("", text))
