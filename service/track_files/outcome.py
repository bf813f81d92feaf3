"""What came of following a camera: as a track for files, and as layers of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.pictures.layers import CORRECTED, RAW, REJECTED, Dots, Ellipses, Layer, Line, Markers, Position
from service.track_files.following import Followed
from service.track_files.points import Track, TrackPoint

DECIDED = ("localized", "outside_coverage")
"""Statuses of the track itself; outside the imagery it is carried on by what is known of the movement."""
MOST_ELLIPSES, MOST_MARKERS = 150, 9


def track_of(followed: Sequence[Followed], name: str) -> Track:
    """Make a track of the steps whose place is decided; a new segment begins after every gap."""
    points: list[TrackPoint] = []
    segment, in_gap = 0, False
    for one in followed:
        point = point_of(one)
        if point is None or one.step.estimate.status not in DECIDED:
            in_gap = bool(points)
            continue
        segment += in_gap
        in_gap = False
        points.append(replace(point, segment=segment))
    return Track(tuple(points), name)


def undecided(followed: Sequence[Followed]) -> list[TrackPoint]:
    """Give the first place of each step for which several explain what was seen."""
    points = (point_of(one) for one in followed if one.step.estimate.status == "ambiguous")
    return [point for point in points if point is not None]


def point_of(one: Followed) -> TrackPoint | None:
    """Give the first place of a step; None where there is none to tell."""
    estimate = one.step.estimate
    if not estimate.places or estimate.status == "no_match":
        return None
    place = estimate.places[0]
    return TrackPoint(
        place.lat,
        place.lon,
        one.timestamp,
        accuracy_m=estimate.radius_m_95,
        accuracy_percentile=95.0,
        heading_deg=place.heading_deg,
        name=one.name,
        status=estimate.status,
    )


def layers_of(followed: Sequence[Followed], fixes: Sequence[TrackPoint]) -> list[Layer]:
    """Draw fixes, 95 % ellipses, the track, and where it was at some photos."""
    decided = [one for one in followed if one.step.estimate.places and one.step.estimate.status in DECIDED]
    track = track_of(followed, "")
    shown = decided[:: -(-len(decided) // MOST_ELLIPSES) or 1]
    marked = decided[:: -(-len(decided) // MOST_MARKERS) or 1]
    layers: list[Layer] = [
        Ellipses(
            "there with 95 %, if at this place",
            CORRECTED,
            [_place(one) for one in shown],
            [one.step.estimate.covariance_m2 for one in shown],
        ),
        Line("fixes", RAW, [[(point.lat, point.lon) for point in fixes]], width_px=2.0),
        Dots("undecided", REJECTED, [(point.lat, point.lon) for point in undecided(followed)], fits=not decided),
        Line("track", CORRECTED, [[(point.lat, point.lon) for point in run] for run in track.segments()]),
        Markers("photo", CORRECTED, [_place(one) for one in marked], [str(one.number + 1) for one in marked]),
    ]
    return [layer for layer in layers if _holds(layer)]


def _holds(layer: Layer) -> bool:
    return any(layer.runs) if isinstance(layer, Line) else bool(getattr(layer, "places", True))


def _place(one: Followed) -> Position:
    place = one.step.estimate.places[0]
    return place.lat, place.lon
