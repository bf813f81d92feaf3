"""Between pixels and positions: one affine grid in a coordinate reference system, and the ground under it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import ArrayLike
from rasterio.transform import Affine

from index.sampling import Placement
from index.tiles import Bounds, fold_lon
from models.errors import GeoreferenceInvalid
from models.geo import Floats, offset, wrap_lon

EDGE_POINTS = 23
WEB_MERCATOR_TURN = 2 * math.pi * 6_378_137.0
"""Metres of EPSG:3857 once around the Earth."""
WEB_MERCATOR = "Popular Visualisation Pseudo Mercator"


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """`width` x `height` pixels and where they lie; may be rotated, and may cross the antimeridian."""

    width: int
    height: int
    transform: Affine
    """Column and row (pixel edges at whole numbers) to x and y of the CRS."""
    crs: pyproj.CRS
    _from_wgs84: pyproj.Transformer = field(repr=False)
    _turn: float
    """Length of x once around the Earth; 0 where x does not go around."""

    @classmethod
    def of(cls, what: str, width: int, height: int, transform: Affine, crs: pyproj.CRS) -> PixelGrid:
        """Make a grid and hold it against the Earth.

        Args:
            what: names the imagery in messages.

        Raises:
            GeoreferenceInvalid: the CRS cannot be converted to WGS84, or the grid lies nowhere on Earth.
        """
        try:
            transformer = _transformer(crs.to_wkt())
        except pyproj.exceptions.ProjError as error:
            raise GeoreferenceInvalid(
                f"{what}: its coordinate reference system cannot be converted to WGS84 ({str(error)[:200]}). "
                "Warp it to one that can, for example with `gdalwarp -t_srs EPSG:25833`."
            ) from error
        grid = cls(width, height, transform, crs, transformer, _turn(crs))
        grid._check(what)
        return grid

    @property
    def code(self) -> str:
        """For example EPSG:25833; the name of a CRS without a code."""
        authority = self.crs.to_authority()
        return ":".join(authority) if authority else self.crs.name

    def phase(self, across: int, down: int) -> tuple[int, int]:
        """Say how many pixels before column 0 and row 0 a pixel begins that is made of `across` x `down` of them.

        It follows from the position in the CRS, so that imagery that grows in any direction averages the same pixels.
        """
        at = self.transform
        if at.b or at.d:
            return 0, 0
        return round(at.c / at.a) % across, round(at.f / at.e) % down

    @property
    def middle(self) -> tuple[float, float]:
        """Lat and lon of the middle."""
        lat, lon = self.position(self.width / 2, self.height / 2)
        return float(lat), float(lon)

    @property
    def ground_resolution_m(self) -> float:
        """Metres per pixel in the middle."""
        return self.ground_resolution_at(*self.middle)

    def ground_resolution_at(self, lat: float, lon: float) -> float:
        """Metres per pixel at a position: the side of a square as large as the pixel on the ground."""
        return Placement(*self.placements(np.array([lat]), np.array([lon]), 10.0)[0].tolist()).ground_resolution_m

    @property
    def bounds(self) -> Bounds:
        """The box around the edge, sampled at 23 points a side as GDAL does."""
        along = np.linspace(0.0, 1.0, EDGE_POINTS)
        none, full = np.zeros(EDGE_POINTS), np.ones(EDGE_POINTS)
        column = np.concatenate([along, along, none, full]) * self.width
        row = np.concatenate([none, full, along, along]) * self.height
        lat, lon = self.position(column, row)
        _, middle = self.middle
        with np.errstate(invalid="ignore"):
            lon = middle + wrap_lon(lon - middle)
        west, east = fold_lon([lon.min(), lon.max()])
        return Bounds(float(west), float(lat.min()), float(east), float(lat.max()))

    def position(self, column: ArrayLike, row: ArrayLike) -> tuple[Floats, Floats]:
        """Give lat and lon of places in the pixel grid."""
        at, column, row = self.transform, np.asarray(column), np.asarray(row)
        x, y = at.a * column + at.b * row + at.c, at.d * column + at.e * row + at.f
        lon, lat = self._from_wgs84.transform(x, y, direction=pyproj.enums.TransformDirection.INVERSE)
        return np.asarray(lat, dtype=np.float64), fold_lon(lon)

    def pixel(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
        """Give column and row of positions; not finite where the CRS has no place for them."""
        x, y = self._from_wgs84.transform(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        if self._turn:
            middle = self.transform.a * self.width / 2 + self.transform.b * self.height / 2 + self.transform.c
            with np.errstate(invalid="ignore"):
                x = middle + wrap_lon((x - middle) * (360.0 / self._turn)) * (self._turn / 360.0)
        at = ~self.transform
        with np.errstate(invalid="ignore"):
            return at.a * x + at.b * y + at.c, at.d * x + at.e * y + at.f

    def placements(self, lat: Floats, lon: Floats, reach_m: float) -> Floats:
        """Say how the ground around N centres lies in the pixel grid, by differences over `reach_m` each way.

        True north, not grid north: the neighbours are found on the ellipsoid and then projected.

        Returns:
            (N, 6), the fields of Placement; not finite where the CRS has no place for a centre.
        """
        east = np.array([0.0, 1.0, -1.0, 0.0, 0.0])[:, None] * reach_m
        north = np.array([0.0, 0.0, 0.0, 1.0, -1.0])[:, None] * reach_m
        column, row = self.pixel(*offset(lat, lon, east, north))
        with np.errstate(invalid="ignore"):
            eastward = (column[1] - column[2]) / (2 * reach_m), (row[1] - row[2]) / (2 * reach_m)
            northward = (column[3] - column[4]) / (2 * reach_m), (row[3] - row[4]) / (2 * reach_m)
        return np.stack([column[0], row[0], *eastward, *northward], axis=1)

    def _check(self, what: str) -> None:
        box = self.bounds
        column, row = self.pixel(*self.middle)
        there_and_back = math.hypot(column - self.width / 2, row - self.height / 2)
        if not (np.isfinite(box).all() and -90 < box.south < box.north < 90 and there_and_back < 0.5):
            raise GeoreferenceInvalid(
                f"{what} lies nowhere on Earth by its georeference: {self.crs.name}, bounds {tuple(box)}. "
                "Its coordinate reference system is probably the wrong one: correct it with `gdal_edit.py -a_srs`."
            )


@lru_cache(maxsize=64)
def _transformer(crs: str) -> pyproj.Transformer:
    """The sheets of a country share a few."""
    return pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def _turn(crs: pyproj.CRS) -> float:
    if crs.is_geographic:
        return 360.0
    operation = crs.coordinate_operation
    return WEB_MERCATOR_TURN if operation is not None and operation.method_name == WEB_MERCATOR else 0.0
