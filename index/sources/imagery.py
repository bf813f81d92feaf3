"""What tiles are cut from: georeferenced pixels that are read a window at a time, whatever they are kept in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from index.sampling import Patch
from index.sources.pixel_grid import PixelGrid
from models.errors import SkyfixError
from models.geo import Floats


@dataclass(frozen=True, slots=True)
class Damage:
    """A piece of imagery that cannot be read; it counts as nodata."""

    column: float
    row: float
    """Its middle, in the pixel grid."""
    name: str
    """Which piece, for example 18/69105/105093.jpg."""
    error: SkyfixError


@dataclass(frozen=True, slots=True)
class Reading:
    """What a window holds."""

    patch: Patch
    damage: tuple[Damage, ...] = ()


class ImageryReader(Protocol):
    """Imagery held open; used by one thread."""

    def read(self, window: Window, across: int, down: int) -> Reading:
        """Read a window, `across` x `down` pixels averaged into one.

        Raises:
            TileUnreadable: the imagery is damaged there.
        """


class Imagery(Protocol):
    """One georeferenced picture, of any size; nothing is held open until `open`."""

    @property
    def id(self) -> str:
        """Beginning of its tiles' ids."""

    @property
    def file(self) -> str:
        """Name of the file or folder; becomes the `source` of its tiles."""

    @property
    def title(self) -> str:
        """For people, for example: ortho.tif (EPSG:25833, 0.2 m/px)."""

    @property
    def grid(self) -> PixelGrid: ...

    @property
    def ground_resolution_m(self) -> float:
        """Metres per pixel where its imagery is."""

    @property
    def attribution(self) -> str: ...

    @property
    def captured(self) -> str | None:
        """Date of the imagery, ISO 8601, where it says so itself."""

    @property
    def filled(self) -> float:
        """Share of the grid, (0, 1], for which there are pixels at all."""

    def covers(self, column: Floats, row: Floats) -> NDArray[np.bool_]:
        """Say for places in the pixel grid whether there are pixels, perhaps nodata ones; not finite: no."""

    def somewhere(self, first: float, second: float) -> tuple[float, float]:
        """Give column and row of a place that `covers`; evenly spread numbers in [0, 1) give such places."""

    def touches(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Say whether there may be pixels in a part of the grid; yes wherever that is costly to know."""

    def reduction(self, most: int) -> int:
        """Give the largest number of pixels, at most `most`, that reading can average into one along an axis."""

    def open(self) -> AbstractContextManager[ImageryReader]: ...
