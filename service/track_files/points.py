"""A movement as files tell it: points in tracks, and what was odd about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from service.query import Notice


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """One position of a movement; None is what nobody said."""

    lat: float
    lon: float
    """WGS84 degrees."""
    timestamp: datetime | None = None
    """Aware, in UTC."""
    elevation_m: float | None = None
    accuracy_m: float | None = None
    """Radius around the position that holds the true one with `accuracy_percentile`."""
    accuracy_percentile: float | None = None
    """In (0, 100); None where the file does not say which, as is usual."""
    hdop: float | None = None
    """Dilution of precision, no length: what it is in metres depends on the receiver."""
    heading_deg: float | None = None
    """Direction of movement or view, clockwise from true north, [0, 360)."""
    speed_mps: float | None = None
    segment: int = 0
    """Counted through the file; a new one begins where the track has a gap."""
    name: str | None = None
    status: str | None = None
    """What became of the fix, as Skyfix says it: corrected, kept, rejected_outlier, localized and so on."""


@dataclass(frozen=True, slots=True)
class Track:
    """Points in the order of the file, perhaps in several segments."""

    points: tuple[TrackPoint, ...]
    name: str = ""

    def segments(self) -> Iterator[tuple[TrackPoint, ...]]:
        """Give the runs of points that belong to one segment."""
        start = 0
        for stop in range(1, len(self.points) + 1):
            if stop == len(self.points) or self.points[stop].segment != self.points[start].segment:
                yield self.points[start:stop]
                start = stop


@dataclass(frozen=True, slots=True)
class TrackFile:
    """What a file of tracks holds."""

    tracks: tuple[Track, ...]
    waypoints: tuple[TrackPoint, ...] = ()
    """Single places, which belong to no track."""
    notices: tuple[Notice, ...] = ()
    """What was left out or assumed, one for each kind."""

    @property
    def points(self) -> tuple[TrackPoint, ...]:
        """The points of all tracks, in the order of the file."""
        return tuple(point for track in self.tracks for point in track.points)


@dataclass(slots=True)
class Oddities:
    """Counts what is odd about a file, kind by kind, so that a file of a million faults gives one notice."""

    _seen: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    def add(self, code: str, what: str, where: str, count: int = 1) -> None:
        """Take note; the first `where` of each kind is told."""
        before, _, first = self._seen.get(code, (0, what, where))
        self._seen[code] = (before + count, what, first)

    def notices(self) -> tuple[Notice, ...]:
        return tuple(
            Notice(code, f"{count:,} x {what}; first: {first}.") for code, (count, what, first) in self._seen.items()
        )
