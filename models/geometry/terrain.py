"""The height of the ground from a raster: a DEM, or the undulations of a geoid, in any CRS and format that GDAL reads.

A raster is opened once and asked from any thread; a question reads one small window. Heights lie at pixel centres and
are interpolated bilinearly between them; in the outermost half pixel they are those of the edge. Where the raster
ends, or says that it knows nothing, nothing is told.
"""

from __future__ import annotations

import math
import threading
import warnings
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Interleaving
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from models.errors import GeoreferenceInvalid, SourceError
from models.geo import offset
from models.geometry.ground import Ground, Slope, VerticalDatum

Floats = NDArray[np.float64]

WIDEST_PX = 512
"""Sides of the largest window that is read; what is wider is not looked at."""
BLOCK_LIMIT_BYTES = 1 << 26
POINTS, FEWEST = 64, 16
"""Places of a circle where the ground is sampled, and how many have to be known for its slope."""
GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))
FOOT_M, US_FOOT_M = 0.3048, 1200.0 / 3937.0
UNITS = {"": 1.0, "m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0}
UNITS |= {"ft": FOOT_M, "foot": FOOT_M, "feet": FOOT_M, "us survey foot": US_FOOT_M, "us-ft": US_FOOT_M}


class Terrain:
    """A raster of heights, open until closed. Safe for threads: one reads at a time.

    Raises:
        SourceError: it cannot be opened or read in small parts, or its unit is not known.
        GeoreferenceInvalid: it does not say where on Earth it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            try:
                self._dataset: DatasetReader = rasterio.open(path)
            except (RasterioError, OSError) as error:
                raise SourceError(f"{path} cannot be opened as a raster of heights: {error}") from error
        try:
            horizontal, self.datum, unit = _crs(path, self._dataset)
            _check_blocks(path, self._dataset)
            self._metres = _scale(path, self._dataset, unit)
            self._dataset.read(1, window=Window(self._dataset.width // 2, self._dataset.height // 2, 1, 1))
        except RasterioError as error:
            self._dataset.close()
            raise SourceError(f"{path} cannot be read: {error}") from error
        except SourceError:
            self._dataset.close()
            raise
        self._wraps = horizontal.is_geographic
        self._to_raster = pyproj.Transformer.from_crs("EPSG:4326", horizontal, always_xy=True)
        self._to_pixel = ~self._dataset.transform

    def close(self) -> None:
        with self._lock:
            self._dataset.close()

    def height_m(self, lat: float, lon: float) -> float | None:
        """Give the height at a place; None where it is not known."""
        found = self.around(lat, lon, None)
        return None if found is None else found.height_m

    def around(self, lat: float, lon: float, radius_m: float | None) -> Ground | None:
        """Give the height at a place and the slope of the circle around it; None where the height is not known.

        Raises:
            SourceError: the file cannot be read any more.
        """
        try:
            with self._lock:
                here = self._heights(*self._pixels([lat], [lon]))
                if here is None or not np.isfinite(here[0]):
                    return None
                return Ground(float(here[0]), None if radius_m is None else self._slope(lat, lon, radius_m))
        except RasterioError as error:
            raise SourceError(f"{self.path} cannot be read: {error}") from error

    def _slope(self, lat: float, lon: float, radius_m: float) -> Slope | None:
        number = np.arange(POINTS)
        away_m = radius_m * np.sqrt((number + 0.5) / POINTS)
        east, north = away_m * np.cos(number * GOLDEN_ANGLE), away_m * np.sin(number * GOLDEN_ANGLE)
        heights = self._heights(*self._pixels(*offset(lat, lon, east, north)))
        known = np.zeros(POINTS, dtype=bool) if heights is None else np.isfinite(heights)
        if heights is None or known.sum() <= FEWEST:
            return None
        columns = np.stack([east[known], north[known], np.ones(int(known.sum()))], axis=1)
        plane, *_ = np.linalg.lstsq(columns, heights[known], rcond=None)
        left = heights[known] - columns @ plane
        return Slope(float(plane[0]), float(plane[1]), float(np.sqrt(np.mean(left**2))))

    def _pixels(self, lats: Floats | list[float], lons: Floats | list[float]) -> tuple[Floats, Floats]:
        """Columns and rows of places, pixel centres at whole numbers; infinite where the CRS does not reach."""
        x, y = (np.asarray(v, dtype=np.float64) for v in self._to_raster.transform(lons, lats))
        column, row = (np.asarray(v) - 0.5 for v in self._to_pixel * (x, y))
        if not self._wraps:
            return column, row
        for turn in (-360.0, 360.0):  # a raster of 0 to 360 degrees, or one across the antimeridian
            turned, _ = self._to_pixel * (x + turn, y)
            outside = (column < -0.5) | (column > self._dataset.width - 0.5)
            column = np.where(outside & (turned >= 0.0) & (turned <= self._dataset.width), turned - 0.5, column)
        return column, row

    def _heights(self, columns: Floats, rows: Floats) -> Floats | None:
        """Interpolate heights; NaN outside and where nothing is known, None if the window would be too wide."""
        width, height = self._dataset.width, self._dataset.height
        with np.errstate(invalid="ignore"):
            inside = (columns >= -0.5) & (columns <= width - 0.5) & (rows >= -0.5) & (rows <= height - 0.5)
        found = np.full(columns.shape, np.nan)
        if not inside.any():
            return found
        c, r = np.clip(columns[inside], 0, width - 1), np.clip(rows[inside], 0, height - 1)
        left, top = int(c.min()), int(r.min())
        right, bottom = min(int(c.max()) + 1, width - 1), min(int(r.max()) + 1, height - 1)
        window = Window(left, top, right - left + 1, bottom - top + 1)
        if window.width > WIDEST_PX or window.height > WIDEST_PX:
            return None
        band = self._dataset.read(1, window=window, masked=True)
        values = np.ma.filled(band.astype(np.float64), np.nan)
        found[inside] = _bilinear(values, c - left, r - top)
        return found * self._metres[0] + self._metres[1]


def _bilinear(values: Floats, column: Floats, row: Floats) -> Floats:
    """Interpolate among the known neighbours of each place; NaN where those that are known weigh less than half."""
    height, width = values.shape
    c0, r0 = np.minimum(column.astype(int), width - 1), np.minimum(row.astype(int), height - 1)
    c1, r1 = np.minimum(c0 + 1, width - 1), np.minimum(r0 + 1, height - 1)
    fc, fr = column - c0, row - r0
    weights = np.stack([(1 - fc) * (1 - fr), fc * (1 - fr), (1 - fc) * fr, fc * fr])
    corners = np.stack([values[r0, c0], values[r0, c1], values[r1, c0], values[r1, c1]])
    known = np.isfinite(corners)
    weights = np.where(known, weights, 0.0)
    total = weights.sum(axis=0)
    sums = (weights * np.where(known, corners, 0.0)).sum(axis=0)
    return np.where(total >= 0.5, sums / np.maximum(total, 0.5), np.nan)


def _crs(path: Path, dataset: DatasetReader) -> tuple[pyproj.CRS, VerticalDatum | None, float]:
    """Give the horizontal CRS, the vertical datum where the file tells one, and the unit of the heights in metres."""
    if dataset.crs is None or dataset.transform.is_identity or dataset.transform.is_degenerate:
        raise GeoreferenceInvalid(f"{path} does not say where on Earth it lies; give it a CRS and a geotransform.")
    whole = pyproj.CRS.from_wkt(dataset.crs.to_wkt())
    if not whole.is_compound:
        is_3d = len(whole.axis_info) == 3
        return (
            whole.to_2d(),
            "ellipsoid" if is_3d else None,
            whole.axis_info[2].unit_conversion_factor if is_3d else 1.0,
        )
    horizontal, vertical = whole.sub_crs_list[0], whole.sub_crs_list[1]
    axis = vertical.axis_info[0]
    if axis.direction.lower() != "up":
        raise SourceError(f"{path} holds depths ({vertical.name}); heights that count upwards are needed.")
    return horizontal, "orthometric", axis.unit_conversion_factor


def _scale(path: Path, dataset: DatasetReader, crs_unit: float) -> tuple[float, float]:
    """Give factor and offset from stored values to metres."""
    if np.dtype(dataset.dtypes[0]).kind not in "iuf":
        raise SourceError(f"{path} holds {dataset.dtypes[0]}; heights are whole or decimal numbers.")
    named = (dataset.units[0] or "").strip().lower()
    if named not in UNITS:
        known = ", ".join(name for name in UNITS if name)
        raise SourceError(f"{path} holds heights in {named[:40]!r}; known units are {known}.")
    unit = UNITS[named] if named else crs_unit
    return dataset.scales[0] * unit, dataset.offsets[0] * unit


def _check_blocks(path: Path, dataset: DatasetReader) -> None:
    height, width = dataset.block_shapes[0]
    bands = dataset.count if dataset.interleaving == Interleaving.pixel else 1
    size = height * width * np.dtype(dataset.dtypes[0]).itemsize * bands
    if size > BLOCK_LIMIT_BYTES:
        raise SourceError(
            f"{path} is kept in blocks of {size:,} bytes; at most {BLOCK_LIMIT_BYTES:,} are unpacked at once. Write it "
            "again in small ones, for example with `gdal_translate -co TILED=YES`."
        )
