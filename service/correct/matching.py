"""Photos brought to the fixes of a track by the time both were taken."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.track_files.points import TrackPoint

SAME_S = 0.05
"""A photo this close to a fix was taken at it."""
HALF_TURN_DEG = 180.0


@dataclass(frozen=True, slots=True)
class Stop:
    """One fix to be corrected.

    Attributes:
        row: place of its point in the track; None for one that lies between two, where a photo was taken.
        photo: number of its photo.
        photo_time: where it is not the point's own.
    """

    point: TrackPoint
    row: int | None
    photo: int | None = None
    photo_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """The stops of a track in the order of the file, and the photos that belong to none."""

    stops: tuple[Stop, ...]
    left: tuple[int, ...]


def match_photos(points: Sequence[TrackPoint], photos: Sequence[tuple[int, datetime]], max_gap_s: float) -> Matched:
    """Give every photo a fix.

    A photo within 50 ms of a fix belongs to it. Between two fixes it gets one of its own, on the straight line between
    them at its time, as exact as the less exact of the two. Before the first and after the last fix it belongs to that
    one. All that only where a fix is within `max_gap_s`, and for a line both.

    Args:
        points: of one device, in any order.
        photos: number and time of each; times are aware.
    """
    timed = sorted(
        (point.timestamp.timestamp(), row) for row, point in enumerate(points) if point.timestamp is not None
    )
    taken: dict[int, Stop] = {}
    between: dict[int, list[Stop]] = {}
    left: list[int] = []
    for number, moment in sorted(photos, key=lambda photo: photo[1]):
        at = moment.timestamp()
        place = bisect_right(timed, (at, len(points)))
        around = timed[max(0, place - 1) : place + 1]
        sides = [(abs(time - at), row) for time, row in around if abs(time - at) <= max_gap_s]
        apart, row = min(sides, default=(0.0, None))
        if row is None:
            left.append(number)
        elif (apart <= SAME_S or len(sides) == 1) and row not in taken:
            taken[row] = Stop(points[row], row, number, moment)
        elif len(sides) == 2:
            before, after = sides[0][1], sides[1][1]
            stop = Stop(_between(points[before], points[after], moment), None, number, moment)
            between.setdefault(before, []).append(stop)
        else:
            left.append(number)
    stops: list[Stop] = []
    for row, point in enumerate(points):
        stops += [taken.get(row, Stop(point, row)), *between.get(row, ())]
    return Matched(tuple(stops), tuple(left))


def _between(before: TrackPoint, after: TrackPoint, moment: datetime) -> TrackPoint:
    """The point at a moment on the straight line between two fixes; longitudes the short way round."""
    begin, end, at = (time.timestamp() if time else 0.0 for time in (before.timestamp, after.timestamp, moment))
    share = (at - begin) / (end - begin) if end > begin else 0.0
    east = after.lon - before.lon
    east -= 360.0 * round(east / 360.0)
    lon = before.lon + share * east
    lon -= 360.0 * ((lon > HALF_TURN_DEG) - (lon < -HALF_TURN_DEG))
    nearer = before if share < 0.5 else after
    loose = max(before, after, key=lambda point: point.accuracy_m or float("inf"))
    return replace(
        nearer,
        lat=before.lat + share * (after.lat - before.lat),
        lon=lon,
        timestamp=moment,
        elevation_m=None,
        accuracy_m=loose.accuracy_m,
        accuracy_percentile=loose.accuracy_percentile,
        name=None,
        status=None,
    )
