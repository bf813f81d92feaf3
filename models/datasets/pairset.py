"""What every data set becomes: photos, tiles, and which belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.geo import distance_m

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Frame = Literal["lat-lon", "metres"]


@dataclass(frozen=True, slots=True)
class Positions:
    """Where photos were taken and what tiles are centred on."""

    frame: Frame
    """`lat-lon`: WGS84 degrees, columns (lat, lon). `metres`: a flat frame, columns (east, north)."""
    ground: Floats
    """(Q, 2); NaN where unknown."""
    aerial: Floats
    """(N, 2); NaN where unknown."""

    def error_m(self, queries: Ints, references: Ints) -> Floats:
        """Distance from photo `queries[i]` to the centre of tile `references[i]`, metres; shapes broadcast."""
        true, found = self.ground[queries], self.aerial[references]
        if self.frame == "metres":
            flat: Floats = np.hypot(true[..., 0] - found[..., 0], true[..., 1] - found[..., 1])
            return flat
        great_circle: Floats = distance_m(true[..., 0], true[..., 1], found[..., 0], found[..., 1])
        return great_circle


@dataclass(frozen=True, slots=True)
class PairSet:
    """Photos and aerial tiles of one split.

    Several photos may share a tile, and the gallery may hold tiles of no photo.
    """

    name: str
    """Data set and split, for example `cvact-val`."""
    ground: tuple[Path, ...]
    """(Q) photos."""
    aerial: tuple[Path, ...]
    """(N) tiles: the whole gallery."""
    positive: Ints
    """(Q,) row in `aerial` of the tile a photo belongs to."""
    semi_positive: Ints
    """(Q, S) rows of further tiles that cover the place off-centre; S is 0 or 3, -1 where there is none."""
    heading_deg: Floats
    """(Q,) true heading of a photo's centre column, [0, 360); NaN where unknown."""
    fov_deg: Floats
    """(Q,) horizontal field of view; 360 for a panorama."""
    positions: Positions | None = None
    ground_resolution_m: Floats | None = None
    """(N,) metres per pixel of the aerial files; NaN where unknown."""

    def __len__(self) -> int:
        return len(self.ground)

    @property
    def of_unknown_resolution(self) -> int:
        """How many of the tiles do not say how much ground a pixel shows."""
        stated = self.ground_resolution_m
        return len(self.aerial) if stated is None else int(np.isnan(stated).sum())
