"""What an explanation is: a small grid over the photo, one over the tile, and the numbers they were made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.geo import Floats

Kind = Literal["attention", "contribution"]
MOST_CELLS = 1024
"""Of a grid over a photo."""
TILE_SIDE = 28
"""Cells of a grid along each side of a tile."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How much each direction of the photo agrees with the tile at the heading where they fit best."""

    cosines: Floats
    """(w,) in [-1, 1], from left to right; their mean is the similarity."""
    at_large: float
    """Mean similarity of this photo to places of the index at large: what agrees no more than that says nothing."""
    left_deg: float
    """Azimuth of the first column's left edge from the photo's centre."""
    north_deg: float
    """The same from true north, [0, 360): what the tile's columns stand on."""
    step_deg: float
    """Width of a column."""
    lat: float
    lon: float
    """WGS84, of the cell that they stand on: the likeliest one of the place."""

    @property
    def heading_deg(self) -> float:
        """Of the photo's centre, as the columns stand."""
        return (self.north_deg - self.left_deg) % 360.0

    @property
    def more(self) -> Floats:
        """(w,) what each says for the place, 0 or more: how much its cosine is above those at large."""
        return np.maximum(self.cosines - self.at_large, 0.0)


@dataclass(frozen=True, slots=True)
class Attention:
    """An explanation of the first candidate. Grids are (h, w), 0 or more, row by row from the upper left corner.

    A contribution's two grids have one scale, that of `Columns.more`; those of an attention have one each.
    """

    kind: Kind
    photo: Floats
    """Over the upright photo, edge to edge."""
    tile: Floats | None = None
    """Over the tile, edge to edge, north up; None: not known."""
    columns: Columns | None = None
    """Of a contribution."""


def photo_shape(size_px: tuple[int, int]) -> tuple[int, int]:
    """Choose (h, w) of a grid of about square cells over a picture of (width, height)."""
    width, height = (max(1, side) for side in size_px)
    down = round((MOST_CELLS * height / width) ** 0.5)
    down = min(MOST_CELLS, max(1, down))
    return down, max(1, MOST_CELLS // down)


def shades(grid: Floats, largest: float) -> NDArray[np.uint8]:
    """Bring a grid to bytes: 0 is nothing, or less than nothing, and 255 the largest."""
    share = grid / largest if largest > 0 else np.zeros_like(grid)
    return np.round(255 * np.clip(share, 0.0, 1.0)).astype(np.uint8)
