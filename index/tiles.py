"""What the index job knows of imagery: square, north-up tiles, one after another, whatever they were cut from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ImageryTooCoarse, TileBlank
from models.geo import Floats, metres_per_degree, wrap_lon

BLANK_SPREAD = 2
BLANK_LOOK = 16
"""Pixels between those that are looked at first: they settle it for nearly all tiles, in a hundredth of the time."""
DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T[0-9:.]+(Z|[+-]\d\d:\d\d))?)?)?")
"""When imagery was taken: a year, month, day or time (ISO 8601)."""
MOST_ENLARGEMENT = 4.0


class Bounds(NamedTuple):
    """A box in WGS84 degrees; `west` > `east` where it crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width_deg(self) -> float:
        return self.east - self.west + (360.0 if self.west > self.east else 0.0)


@dataclass(frozen=True, slots=True)
class Tile:
    """One square of ground seen from above, true north up."""

    id: str
    lat: float
    lon: float
    """WGS84 degrees of the centre."""
    pixels: NDArray[np.uint8]
    """(H, W, 3) RGB over the whole footprint; row 0 is the northern edge, column 0 the western one."""
    footprint_m: float
    """Length of a side on the ground."""
    ground_resolution_m: float
    """Metres per pixel of the imagery it was cut from."""
    captured: str | None
    source: str
    attribution: str | None = None
    """Whom to credit for this tile; None where the whole source's attribution says it."""
    seen: NDArray[np.bool_] | None = None
    """(H, W) where there is imagery; elsewhere the pixels were filled in. None: everywhere."""

    @property
    def bounds(self) -> Bounds:
        return Bounds(*(float(side) for side in square(self.lat, self.lon, self.footprint_m)))


@dataclass(frozen=True, slots=True)
class BadTile:
    """A tile that cannot be indexed, and why."""

    id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tiles of a source that are still to be made, in any thread."""

    count: int
    make: Callable[[], Sequence[Tile | BadTile]]
    """Gives `count` of them."""


@runtime_checkable
class PieceSource(Protocol):
    """A source whose tiles can be made several at once: its pieces in their order are what iteration gives."""

    def pieces(self) -> Iterator[Piece]: ...


class TileSource(Protocol):
    """Imagery that can be walked through tile by tile, in the same order each time."""

    @property
    def name(self) -> str:
        """What it is, for people; becomes the manifest's `source`."""

    @property
    def attribution(self) -> str: ...

    @property
    def count(self) -> int:
        """Tiles to expect; an estimate."""

    @property
    def footprint_m(self) -> float:
        """Side of every tile's square of ground."""

    @property
    def stride_m(self) -> float | None:
        """Distance between neighbouring centres; None where the tiles came ready cut."""

    @property
    def bounds(self) -> Bounds | None:
        """Where the imagery itself ends; None where only its tiles are known."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the operator should know; complete once the tiles have been walked through."""

    def __iter__(self) -> Iterator[Tile | BadTile]: ...


def square(lat: ArrayLike, lon: ArrayLike, side_m: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Give west, south, east and north of the squares of `side_m` metres around centres."""
    lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
    north_m, east_m = metres_per_degree(lat)
    half_lat, half_lon = side_m / 2 / north_m, side_m / 2 / east_m
    return fold_lon(lon - half_lon), lat - half_lat, fold_lon(lon + half_lon), lat + half_lat


def fold_lon(lon: ArrayLike) -> Floats:
    """Bring longitudes into [-180, 180], leaving both ends as they are; what is not finite becomes NaN."""
    lon = np.asarray(lon, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(lon) <= 180.0, lon, wrap_lon(lon))


def union(boxes: Iterable[Bounds]) -> Bounds:
    """Give the box around boxes that lie within half a turn of the first one."""
    table = np.array([(*box, box.width_deg) for box in boxes], dtype=np.float64)
    west = table[0, 0] + wrap_lon(table[:, 0] - table[0, 0])
    edges = (west.min(), (west + table[:, 4]).max())
    return Bounds(
        float(fold_lon(edges[0])), float(table[:, 1].min()), float(fold_lon(edges[1])), float(table[:, 3].max())
    )


def check_not_blank(pixels: NDArray[np.uint8]) -> None:
    """Refuse a tile of one colour: it says nothing about its place, and all such tiles look alike.

    Raises:
        TileBlank: no channel varies by more than a compression artefact.
    """
    if _spread(pixels[::BLANK_LOOK, ::BLANK_LOOK]) <= BLANK_SPREAD and _spread(pixels) <= BLANK_SPREAD:
        raise TileBlank(f"The tile is of one colour ({', '.join(str(v) for v in pixels[0, 0])}).")


def _spread(pixels: NDArray[np.uint8]) -> int:
    """The widest range of levels of any channel."""
    return int((pixels.max(axis=(0, 1)).astype(int) - pixels.min(axis=(0, 1))).max())


def check_resolution(what: str, ground_resolution_m: float, footprint_m: float, size_px: int) -> None:
    """Refuse imagery that would have to be enlarged more than four times to fill the encoder's input.

    Raises:
        ImageryTooCoarse: with the figures.
    """
    coarsest = footprint_m / size_px * MOST_ENLARGEMENT
    if ground_resolution_m > coarsest:
        raise ImageryTooCoarse(
            f"{what} has {ground_resolution_m:.3g} m per pixel; the model needs {coarsest:.3g} m or finer for tiles of "
            f"{footprint_m:g} m. Use finer imagery, or larger tiles (--tile-m)."
        )
