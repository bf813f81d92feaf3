"""What a map shows, layer by layer, in the order in which it is drawn: positions in WGS84 degrees, lengths in metres.

Every layer has the words for the legend in `label`, or none where it shall not be listed. A layer that does not `fits`
has no say in what part of the ground is shown, as a fix that a spoofer moved to another town.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RAW, CORRECTED, TRUTH, REJECTED = "#d9622b", "#2a6fdb", "#1d1d1b", "#a3377e"
"""Colours that go well together, also for the colour-blind."""
CHI_SQUARED_95 = 5.991464547107979
"""95 % of a two-dimensional Gaussian lie within this squared Mahalanobis distance: -2 ln 0.05."""
Position = tuple[float, float]
"""Lat, lon."""
Covariance = tuple[float, float, float, float]
"""East-east, east-north, north-east, north-north, m²."""


@dataclass(frozen=True, slots=True)
class Line:
    """A movement: runs of positions, each joined up."""

    label: str
    colour: str
    runs: Sequence[Sequence[Position]]
    width_px: float = 3.0
    is_dashed: bool = False
    fits: bool = True


@dataclass(frozen=True, slots=True)
class Dots:
    """Single positions, each a dot."""

    label: str
    colour: str
    places: Sequence[Position]
    radius_px: float = 4.0
    fits: bool = True


@dataclass(frozen=True, slots=True)
class Ellipses:
    """Where positions lie with 95 %, to scale."""

    label: str
    colour: str
    places: Sequence[Position]
    covariances_enu_m2: Sequence[Covariance]
    fits: bool = False

    @classmethod
    def circles(cls, label: str, colour: str, places: Sequence[Position], radii_m_95: Sequence[float]) -> Ellipses:
        """Make circles of their 95 % radii."""
        variances = (radius**2 / CHI_SQUARED_95 for radius in radii_m_95)
        return cls(label, colour, places, [(variance, 0.0, 0.0, variance) for variance in variances])


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of positions that belong together, as a fix before and after its correction, joined by a thin line."""

    label: str
    colour: str
    pairs: Sequence[tuple[Position, Position]]
    fits: bool = False


@dataclass(frozen=True, slots=True)
class Markers:
    """Positions with a short text each, a number as a rule."""

    label: str
    colour: str
    places: Sequence[Position]
    texts: Sequence[str]
    fits: bool = True


Layer = Line | Dots | Ellipses | Links | Markers


def positions_of(layer: Layer) -> list[Position]:
    """Give every position of a layer."""
    if isinstance(layer, Line):
        return [place for run in layer.runs for place in run]
    if isinstance(layer, Links):
        return [place for pair in layer.pairs for place in pair]
    return list(layer.places)
