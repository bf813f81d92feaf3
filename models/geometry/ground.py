"""What a raster of heights says of a place; known without what reads rasters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerticalDatum = Literal["ellipsoid", "orthometric"]
"""What heights are above: the ellipsoid of WGS84, or the geoid, which is about the level of the sea."""


@dataclass(frozen=True, slots=True)
class Slope:
    """The plane that fits the ground of a circle best."""

    east: float
    north: float
    """Metres up for a metre east, and north."""
    roughness_m: float
    """Root mean square of what the plane leaves."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a raster says of a place, in metres above its own zero."""

    height_m: float
    slope: Slope | None
    """None where the circle is wider than what is read at once, or a quarter of it or less is known."""
