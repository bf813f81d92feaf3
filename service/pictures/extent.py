"""Between the ground and the pixels of a map: a plane that touches the ground in the middle, true north up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.geo import Floats, enu_m, offset, wrap_lon
from service.pictures.layers import Layer, Position, positions_of

LEAST_SIDE_M = 80.0
MARGIN = 0.08
"""Of each side, left free around what is shown."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A rectangle of ground on `width_px` x `height_px` pixels."""

    lat: float
    lon: float
    """The middle."""
    metre_px: float
    """Pixels a metre."""
    width_px: int
    height_px: int

    @property
    def width_m(self) -> float:
        return self.width_px / self.metre_px

    @property
    def height_m(self) -> float:
        return self.height_px / self.metre_px

    def pixels(self, places: Sequence[Position]) -> Floats:
        """Give (N, 2) x right and y down of positions, from the upper left corner."""
        if not places:
            return np.empty((0, 2))
        lat, lon = np.array(places, dtype=np.float64).T
        east, north = enu_m(lat, lon, self.lat, self.lon)
        return np.stack([self.width_px / 2 + east * self.metre_px, self.height_px / 2 - north * self.metre_px], axis=1)

    @classmethod
    def around(cls, places: Sequence[Position], width_px: int, height_px: int) -> Extent:
        """Show all positions with a margin, and no less than 80 m of ground.

        Args:
            places: at least one; across the antimeridian they are shown side by side.
        """
        lat, lon = np.array(places, dtype=np.float64).T
        along = wrap_lon(lon - lon[0])
        middle_lat, middle_lon = (lat.min() + lat.max()) / 2, lon[0] + (along.min() + along.max()) / 2
        east, north = enu_m(lat, lon, middle_lat, middle_lon)
        shift = (east.min() + east.max()) / 2, (north.min() + north.max()) / 2
        middle_lat, middle_lon = offset(middle_lat, middle_lon, *shift)
        wide, high = max(float(np.ptp(east)), LEAST_SIDE_M), max(float(np.ptp(north)), LEAST_SIDE_M)
        metre_px = (1 - 2 * MARGIN) * min(width_px / wide, height_px / high)
        return cls(float(middle_lat), float(wrap_lon(middle_lon)), metre_px, width_px, height_px)


def extent_of(layers: Iterable[Layer], width_px: int, height_px: int) -> Extent | None:
    """Show what the layers hold; None where they hold no position."""
    layers = list(layers)
    fitting = [place for layer in layers if layer.fits for place in positions_of(layer)]
    places = fitting or [place for layer in layers for place in positions_of(layer)]
    return Extent.around(places, width_px, height_px) if places else None
